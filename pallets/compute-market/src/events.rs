//! What happens on the market, as it is told to those who listen: the section of the events of the pallet.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod events {
    /// What happened on the market.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A provider has bonded.
        ProviderRegistered {
            /// The provider's account.
            provider: AccountId,
            /// The key that signs its attestations.
            worker: WorkerId,
            /// What is held as its bond.
            bond: Balance,
        },
        /// A provider has named another worker key.
        WorkerSet {
            /// The provider's account.
            provider: AccountId,
            /// The new key.
            worker: WorkerId,
        },
        /// A provider has described its machine anew.
        HardwareSet {
            /// The provider's account.
            provider: AccountId,
        },
        /// A provider has raised its bond.
        BondIncreased {
            /// The provider's account.
            provider: AccountId,
            /// The whole bond now.
            bond: Balance,
        },
        /// A provider keeps another share of its rewards before it shares them with its delegators.
        CommissionSet {
            /// The provider's account.
            provider: AccountId,
            /// The share.
            commission: Permill,
        },
        /// An account has backed a provider's bond.
        Delegated {
            /// Who has delegated.
            delegator: AccountId,
            /// The provider.
            provider: AccountId,
            /// What was delegated; it is held on the provider's account.
            amount: Balance,
        },
        /// An account wants back what it has delegated, or a part of it.
        Undelegating {
            /// Who has delegated.
            delegator: AccountId,
            /// The provider.
            provider: AccountId,
            /// What that is worth now; it still earns and can be slashed.
            amount: Balance,
            /// The block from which on it can be taken back.
            until: BlockNumber,
        },
        /// An account has back what it had delegated.
        DelegationWithdrawn {
            /// Who had delegated.
            delegator: AccountId,
            /// The provider.
            provider: AccountId,
            /// What it was worth.
            amount: Balance,
        },
        /// A part of a provider's reward has gone to its delegators.
        RewardShared {
            /// The provider.
            provider: AccountId,
            /// Added to what is delegated to it.
            amount: Balance,
        },
        /// A provider has withdrawn its offers and wants its bond back.
        Unbonding {
            /// The provider's account.
            provider: AccountId,
            /// The block from which on the bond can be taken back.
            until: BlockNumber,
        },
        /// A provider has its bond back. It is no provider any more, once nothing is delegated to it.
        BondWithdrawn {
            /// The account.
            provider: AccountId,
            /// What was released.
            bond: Balance,
        },
        /// A model was registered.
        ModelRegistered {
            /// Its id: the hash of its manifest.
            model: ModelId,
            /// Who registered it.
            registrar: AccountId,
        },
        /// An offer stands, new or changed.
        OfferSet {
            /// Who offers.
            provider: AccountId,
            /// The model.
            model: ModelId,
            /// Price per work unit.
            price: Balance,
            /// Jobs at once.
            capacity: u16,
        },
        /// An offer was withdrawn.
        OfferRemoved {
            /// Who offered.
            provider: AccountId,
            /// The model.
            model: ModelId,
        },
        /// A job was accepted that several providers compute; the jobs of each follow.
        ReplicasSubmitted {
            /// Names them together.
            gang: JobId,
            /// The job of each.
            jobs: Vec<JobId>,
        },
        /// All providers of a gang have committed to their results, and are to reveal them.
        RevealsOpened {
            /// The gang.
            gang: JobId,
            /// Last block in which an attestation counts.
            until: BlockNumber,
        },
        /// What a replica's provider attested is not what more than half of its gang did. It is not paid.
        ReplicaDiscarded {
            /// The gang.
            gang: JobId,
            /// The job.
            job: JobId,
            /// Who did it.
            provider: AccountId,
            /// Whether more than half of the gang have attested the same, so that this provider has failed. If not, it
            /// is not known who is right.
            outvoted: bool,
            /// What it would have been paid, which is burned.
            burned: Balance,
            /// Given back to the requester out of its escrow.
            refunded: Balance,
        },
        /// A job was accepted; its match is in the `JobAssigned` that follows.
        JobSubmitted {
            /// The job.
            job: JobId,
            /// Who asks and pays.
            requester: AccountId,
            /// The model.
            model: ModelId,
            /// What is held for it.
            escrow: Balance,
            /// What was burned for its attestation and settlement, and a replica's commitment, as a fee.
            prepaid: Balance,
        },
        /// A job was assigned to a provider, for the first time or anew.
        JobAssigned {
            /// The job.
            job: JobId,
            /// Who is to do it.
            provider: AccountId,
            /// What is paid per work unit.
            price: Balance,
            /// Last block in which an attestation counts.
            deadline: BlockNumber,
        },
        /// A job was attested; its audit window is open.
        JobAttested {
            /// The job.
            job: JobId,
            /// Who did it.
            provider: AccountId,
            /// Hash of the output's bytes.
            output_hash: Hash,
        },
        /// A job was judged good and paid.
        JobSettled {
            /// The job.
            job: JobId,
            /// Who did it.
            provider: AccountId,
            /// Who paid.
            requester: AccountId,
            /// The work in multiply-accumulates.
            work: Work,
            /// Paid by the requester in all.
            paid: Balance,
            /// The part of it that was burned.
            burned: Balance,
            /// The rest of the escrow, given back.
            refunded: Balance,
            /// Era of the reward.
            era: EraIndex,
            /// Minted for the provider.
            reward: Balance,
        },
        /// A provider did not attest in time.
        JobTimedOut {
            /// The job.
            job: JobId,
            /// Who failed.
            provider: AccountId,
        },
        /// A provider gave back a job that it had been assigned.
        JobDeclined {
            /// The job.
            job: JobId,
            /// Who declined.
            provider: AccountId,
        },
        /// A provider that failed a job has paid its requester for it out of its bond. One whose result was outvoted
        /// pays the requester nothing, and all of it is burned as `fee`.
        PenaltyPaid {
            /// The job.
            job: JobId,
            /// Who failed.
            provider: AccountId,
            /// Who was paid.
            requester: AccountId,
            /// How much.
            amount: Balance,
            /// Burned out of its bond: for what a missed deadline costs the chain, or for being outvoted.
            fee: Balance,
            /// Burned out of what is delegated to it, and as much out of its bond.
            slashed: Balance,
        },
        /// A requester wants to lease machines; bids can be committed.
        AuctionOpened {
            /// The auction.
            auction: AuctionId,
            /// Who wants them.
            requester: AccountId,
            /// Last block in which bids can be committed.
            commit_until: BlockNumber,
            /// Last block in which bids can be revealed.
            reveal_until: BlockNumber,
            /// What is held for it.
            escrow: Balance,
            /// What was burned for its clearing and the end of the lease, as a fee.
            prepaid: Balance,
        },
        /// A requester has taken an auction back before the first bid, and has its escrow back.
        AuctionCancelled {
            /// The auction.
            auction: AuctionId,
            /// Who had opened it.
            requester: AccountId,
        },
        /// A provider has made a sealed bid.
        BidCommitted {
            /// The auction.
            auction: AuctionId,
            /// Who bids.
            provider: AccountId,
        },
        /// A provider has revealed its bid.
        BidRevealed {
            /// The auction.
            auction: AuctionId,
            /// Who bids.
            provider: AccountId,
            /// What it asks per block.
            price: Balance,
        },
        /// A provider has not revealed its bid, has bid above the maximum, or is leaving, and has lost its deposit.
        DepositForfeited {
            /// The auction.
            auction: AuctionId,
            /// Who bid.
            provider: AccountId,
            /// What was burned.
            amount: Balance,
        },
        /// An auction found too few bids; its requester has the whole escrow back.
        AuctionFailed {
            /// The auction.
            auction: AuctionId,
            /// Who had opened it.
            requester: AccountId,
            /// What was given back.
            refunded: Balance,
        },
        /// An auction was cleared, and its machines are leased.
        LeaseStarted {
            /// The lease: the auction's id.
            lease: LeaseId,
            /// Who has leased them.
            requester: AccountId,
            /// What each machine is paid per block.
            price: Balance,
            /// Last block in which its jobs can be attested.
            until: BlockNumber,
            /// Whose machines they are.
            providers: Vec<AccountId>,
        },
        /// A machine was paid for its part in a lease.
        LeasePaid {
            /// The lease.
            lease: LeaseId,
            /// Whose machine it is.
            provider: AccountId,
            /// Who had leased it.
            requester: AccountId,
            /// Paid by the requester in all.
            paid: Balance,
            /// The part of it that was burned.
            burned: Balance,
            /// The rest of what was held for the machine, given back.
            refunded: Balance,
        },
        /// A machine has failed a job, and its part in the lease is over.
        LeaseBroken {
            /// The lease.
            lease: LeaseId,
            /// Whose machine it was.
            provider: AccountId,
            /// The job.
            job: JobId,
        },
        /// The time of a lease is over.
        LeaseEnded {
            /// The lease.
            lease: LeaseId,
        },
        /// A requester has cancelled a job, and paid for the time that it took up.
        JobCancelled {
            /// The job.
            job: JobId,
            /// Whose time it took up.
            provider: AccountId,
            /// Who cancelled.
            requester: AccountId,
            /// Paid by the requester in all.
            paid: Balance,
            /// The part of it that was burned.
            burned: Balance,
            /// The rest of the escrow, given back.
            refunded: Balance,
        },
        /// A job found no provider that did it; its requester has the whole escrow back.
        JobRefunded {
            /// The job.
            job: JobId,
            /// Who asked.
            requester: AccountId,
            /// What was given back.
            refunded: Balance,
        },
        /// A job has left the state; this is all that the chain knew of it, for whoever keeps records.
        JobClosed {
            /// The job as it ended.
            info: Box<JobInfo>,
        },
    }
}
