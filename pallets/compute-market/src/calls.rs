//! What can be sent to the market: the pallet's section of calls. What they do stands in the files that are named
//! after it.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Bonds the caller as a provider.
        ///
        /// - `bond`: held on the caller; at least `MinBond`. Open jobs are never worth more than it, at the
        ///   provider's own prices.
        /// - `worker`: the key that signs attestations, in the keystore of the provider's node.
        /// - `proof`: that key's signature over the chain's genesis hash and the caller's account.
        /// - `hardware`: the machine in the caller's own words.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::register_provider())]
        pub fn register_provider(
            origin: OriginFor<T>,
            #[pallet::compact] bond: Balance,
            worker: WorkerId,
            proof: WorkerSignature,
            hardware: Hardware,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_register_provider(who, bond, worker, proof, hardware)
        }

        /// Names another worker key. Jobs that are assigned now are attested with the new one, but
        /// for replicas that are committed to: keep the old one until these are attested.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::set_worker().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn set_worker(
            origin: OriginFor<T>,
            worker: WorkerId,
            proof: WorkerSignature,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_worker(who, worker, proof)
        }

        /// Describes the caller's machine anew.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::set_hardware().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn set_hardware(origin: OriginFor<T>, hardware: Hardware) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_hardware(who, hardware)
        }

        /// Raises the caller's bond by `amount`.
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::bond_extra().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn bond_extra(
            origin: OriginFor<T>,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_bond_extra(who, amount)
        }

        /// Withdraws all offers of the caller and starts its unbonding period. Assigned jobs are still
        /// to be done.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::unbond().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn unbond(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_unbond(who)
        }

        /// Gives the bond back once the unbonding period is over and no job is open.
        #[pallet::call_index(5)]
        // What is kept of the account's work and reputation comes on top.
        #[pallet::weight(
            T::WeightInfo::withdraw_bond()
                .saturating_add(T::WeightInfo::archive_era_work().saturating_mul(2))
        )]
        pub fn withdraw_bond(origin: OriginFor<T>) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_withdraw_bond(who)
        }

        /// Registers a model, for a deposit that stays held, as the model stays. Open to anyone; the id is the manifest's hash.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::register_model())]
        pub fn register_model(origin: OriginFor<T>, manifest: Manifest) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_register_model(who, manifest)
        }

        /// Makes or changes the caller's standing offer for a model.
        ///
        /// - `price`: per work unit of 10^9 multiply-accumulates; 1 to `MaxPrice`.
        /// - `capacity`: jobs at once, at least 1; 64 over all offers of the caller.
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::set_offer().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn set_offer(
            origin: OriginFor<T>,
            model: ModelId,
            #[pallet::compact] price: Balance,
            capacity: u16,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_offer(who, model, price, capacity)
        }

        /// Withdraws the caller's offer for a model. Assigned jobs are still to be done.
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::remove_offer().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn remove_offer(origin: OriginFor<T>, model: ModelId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_remove_offer(who, model)
        }

        /// Sends a job, and matches it at once with the cheapest standing offer that can take it.
        ///
        /// The escrow, the price of the job at its longest, is held until it ends; what is not paid goes
        /// back. What the attestation and the settlement would cost as fees is burned beforehand.
        ///
        /// With `replicas` in the `spec`, so many providers compute it, all or none, each in a job of its own. Each
        /// commits to its result before any is revealed. Those are paid whose result more than half of those that
        /// reveal one have; what the others would have been paid is burned.
        ///
        /// - `spec`: what to compute, the most it may cost, and its deadline.
        /// - `input`: token ids. They must be what the extrinsic ends with, so that every node finds them
        ///   in the block's body; the state keeps their hash.
        #[pallet::call_index(9)]
        #[pallet::weight(
            Pallet::<T>::most_for_submitting(spec, input.len() as u32)
        )]
        pub fn submit_job(
            origin: OriginFor<T>,
            spec: JobSpec,
            input: Vec<Word>,
        ) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let most = Self::weight_of_trying(&spec, input.len() as u32);
            let weight = Self::do_submit_job(who, spec, input);
            Ok(Some(weight.map_err(|error| error.with_weight(most))?).into())
        }

        /// Gives back a job that is assigned to the caller, for the next offer to take it over. One a
        /// `DeclinePeriod` is for nothing; every other costs what a missed deadline costs, and so does a replica that
        /// the caller has committed to.
        #[pallet::call_index(10)]
        #[pallet::weight(
            T::WeightInfo::decline_job()
                .saturating_add(Pallet::<T>::turning_pages())
                .saturating_add(Pallet::<T>::most_relisting())
                .saturating_add(T::WeightInfo::end_lease(1).max(T::WeightInfo::leave_gang()))
        )]
        pub fn decline_job(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            Ok(Some(Self::do_decline_job(who, job)?).into())
        }

        /// Ends a job of the caller's that is assigned and not attested. It pays for the share of its deadline
        /// that is over, the present block included, as if it had been done; the rest goes back. A replica stays.
        #[pallet::call_index(11)]
        #[pallet::weight(T::WeightInfo::cancel_job().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn cancel_job(origin: OriginFor<T>, job: JobId) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            Ok(Some(Self::do_cancel_job(who, job)?).into())
        }

        /// Moves a provider's offers to the tier that its reputation is worth now. Anyone may call it, as reputation
        /// fades while nobody looks.
        #[pallet::call_index(12)]
        #[pallet::weight(T::WeightInfo::set_hardware().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn relist_offers(origin: OriginFor<T>, provider: AccountId) -> DispatchResult {
            ensure_signed(origin)?;
            Self::try_change_provider(&provider, |_| Ok(()))
        }

        /// Names the share of its rewards that the caller keeps before it shares them with its delegators, and lets
        /// others delegate to it from then on. It can fall, but not rise.
        #[pallet::call_index(13)]
        #[pallet::weight(T::WeightInfo::set_hardware().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn set_commission(origin: OriginFor<T>, commission: Permill) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_set_commission(who, commission)
        }

        /// Backs a provider's bond. What is delegated has its part in the provider's rewards, less its commission,
        /// and in its slashes; it covers jobs worth up to five times the provider's own bond.
        ///
        /// - `amount`: at least `MinDelegation`; it is held on the provider's account, where neither can spend it.
        #[pallet::call_index(14)]
        #[pallet::weight(T::WeightInfo::delegate().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn delegate(
            origin: OriginFor<T>,
            provider: AccountId,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_delegate(who, provider, amount)
        }

        /// Wants back what the caller has delegated to a provider, after the unbonding period, in which it still
        /// earns and can be slashed.
        ///
        /// - `amount`: what is to come back, at its present worth; all if less than `MinDelegation` would stay.
        #[pallet::call_index(15)]
        #[pallet::weight(T::WeightInfo::undelegate().saturating_add(Pallet::<T>::relisting_of_one()))]
        pub fn undelegate(
            origin: OriginFor<T>,
            provider: AccountId,
            #[pallet::compact] amount: Balance,
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_undelegate(who, provider, amount)
        }

        /// Gives a delegator back what is free of what it has delegated. Anyone may call it.
        #[pallet::call_index(16)]
        // What is kept of the provider's work and reputation comes on top, if it is the last.
        #[pallet::weight(
            T::WeightInfo::withdraw_delegation()
                .saturating_add(T::WeightInfo::archive_era_work().saturating_mul(2))
                .saturating_add(Pallet::<T>::relisting_of_one())
        )]
        pub fn withdraw_delegation(
            origin: OriginFor<T>,
            provider: AccountId,
            delegator: AccountId,
        ) -> DispatchResult {
            ensure_signed(origin)?;
            Self::do_withdraw_delegation(delegator, provider)
        }

        /// Opens a sealed-bid auction for the lease of several machines, or of a machine for a time: all that is
        /// asked for, or nothing. What they cost at most is held; each machine is paid what the cheapest bid that
        /// lost asks.
        #[pallet::call_index(17)]
        #[pallet::weight(T::WeightInfo::open_auction())]
        pub fn open_auction(origin: OriginFor<T>, terms: AuctionTerms) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_open_auction(who, terms)
        }

        /// Takes an auction back that nobody has bid in. The escrow is given back.
        #[pallet::call_index(18)]
        #[pallet::weight(T::WeightInfo::cancel_auction())]
        pub fn cancel_auction(origin: OriginFor<T>, auction: AuctionId) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_cancel_auction(who, auction)
        }

        /// Makes a sealed bid. From now on it takes up room for one job of the caller's offer, and so much of its bond
        /// as the machine costs at most. The deposit is held until the auction is cleared, and burned if the bid is
        /// not revealed, is above the maximum, or the caller is unbonding then.
        ///
        /// - `commitment`: the BLAKE2b-256 hash of `kagari-bid`, the auction's id, the bidder's account, the price
        ///   (16 bytes, little-endian) and a salt of 32 random bytes.
        #[pallet::call_index(19)]
        #[pallet::weight(
            T::WeightInfo::commit_bid().saturating_add(T::WeightInfo::delist_offers(MAX_PLACES))
        )]
        pub fn commit_bid(
            origin: OriginFor<T>,
            auction: AuctionId,
            commitment: Hash,
        ) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            Ok(Some(Self::do_commit_bid(who, auction, commitment)?).into())
        }

        /// Reveals the caller's bid.
        ///
        /// - `price`: what its machine costs a block.
        /// - `salt`: what was committed with it.
        #[pallet::call_index(20)]
        #[pallet::weight(T::WeightInfo::reveal_bid())]
        pub fn reveal_bid(
            origin: OriginFor<T>,
            auction: AuctionId,
            #[pallet::compact] price: Balance,
            salt: [u8; 32],
        ) -> DispatchResult {
            let who = ensure_signed(origin)?;
            Self::do_reveal_bid(who, auction, price, salt)
        }

        /// Sends a job to a machine of a lease of the caller's, one at a time. The lease pays for it; only what the
        /// attestation and the settlement would cost as fees is burned beforehand. A machine that declines it or
        /// misses its deadline is out of the lease.
        ///
        /// - `machine`: the provider whose machine it is.
        /// - `spec`: what to compute, without replicas; price, tier, class and region don't count here.
        /// - `input`: as in `submit_job`.
        #[pallet::call_index(21)]
        #[pallet::weight(
            T::WeightInfo::submit_leased_job(input.len() as u32)
                .saturating_add(T::WeightInfo::delist_offers(MAX_PLACES))
        )]
        pub fn submit_leased_job(
            origin: OriginFor<T>,
            lease: LeaseId,
            machine: AccountId,
            spec: JobSpec,
            input: Vec<Word>,
        ) -> DispatchResultWithPostInfo {
            let who = ensure_signed(origin)?;
            let weight = Self::do_submit_leased_job(who, lease, machine, spec, input)?;
            Ok(Some(weight).into())
        }
    }
}
