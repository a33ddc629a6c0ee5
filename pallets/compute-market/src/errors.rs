//! Why calls are refused, in sentences that reach people through the metadata: the pallet's section of errors.

use frame_support::pallet_macros::pallet_section;

#[pallet_section]
mod errors {
    /// Why a call was refused.
    #[pallet::error]
    pub enum Error<T> {
        /// This account is a provider already; change it with the other calls.
        AlreadyProvider,
        /// This account is no provider; bond first with `register_provider`.
        NotProvider,
        /// The bond is below `MinBond`.
        BondTooSmall,
        /// This worker key serves another provider; make a new one.
        WorkerTaken,
        /// The proof is not this worker key's signature over this chain's genesis and this account.
        BadWorkerProof,
        /// The description of the machine is not UTF-8 text.
        InvalidDescription,
        /// The provider is unbonding and can offer nothing.
        IsUnbonding,
        /// The provider is not unbonding; call `unbond` first.
        NotUnbonding,
        /// The unbonding period is not over; see the event `Unbonding` for its end.
        StillUnbonding,
        /// Jobs or leases of this provider are open; wait until they have ended.
        JobsOpen,
        /// The bond is back already; the record goes once the last delegator has withdrawn, which anyone may see to
        /// with `withdraw_delegation`.
        StillDelegated,
        /// A provider cannot delegate to itself; raise the bond with `bond_extra`.
        DelegatesToItself,
        /// The amount is below `MinDelegation`.
        DelegationTooSmall,
        /// All that was delegated to this provider has been slashed away; a new delegation would have no share.
        DelegationsWorthless,
        /// Nothing that could be taken back is delegated here by this account.
        NothingDelegated,
        /// A commission can fall, but not rise.
        CommissionRises,
        /// The provider takes no delegations; it does from its first `set_commission` on.
        TakesNoDelegations,
        /// As much is delegated as the provider's own bond can make use of; delegate less, or to another.
        DelegationsFull,
        /// No such model is registered.
        UnknownModel,
        /// This model is registered already.
        ModelExists,
        /// The manifest's name is empty or has characters other than letters, digits, `.`, `_`, `-`.
        InvalidModelName,
        /// A figure of the manifest's shape is zero or beyond what the chain accepts.
        InvalidModelShape,
        /// The price is zero; name what a work unit costs.
        PriceZero,
        /// The price is above `MaxPrice`.
        PriceTooHigh,
        /// The capacity is zero; withdraw the offer with `remove_offer` instead.
        CapacityZero,
        /// The capacities of the provider's offers come to more than 64 jobs at once; name a lower one.
        CapacityTooHigh,
        /// The provider offers as many models as it can.
        TooManyOffers,
        /// No such offer stands.
        NoSuchOffer,
        /// No such job is open.
        NoSuchJob,
        /// The job is attested already, and can be neither declined nor cancelled.
        NotAssigned,
        /// This is another's: providers decline what is assigned to them, requesters cancel what they sent and use what
        /// they have leased.
        NotYours,
        /// The input is empty.
        EmptyInput,
        /// The input is longer than `MAX_INPUT` or, with what is to be put out, than the model's context.
        InputTooLong,
        /// The input holds a token id that the model does not have.
        UnknownToken,
        /// The number of tokens to put out is zero or above `MAX_OUTPUT`.
        InvalidOutputLength,
        /// The temperature is above 10 or top-p is outside 0.001 to 1.
        InvalidSampling,
        /// This model cannot do this task: decoders complete, encoders embed.
        TaskUnsupported,
        /// The deadline is below `MinDeadline`, with a block more for each `WorkPerBlock` that the job can be, or
        /// above `MaxDeadline`.
        DeadlineOutOfBounds,
        /// No offer for this model has free capacity now; try again later, or look at the offers.
        NoOffer,
        /// None of the cheapest offers can take a job of this size on its bond; ask for less.
        NoOfferInReach,
        /// Fewer of the cheapest offers can take the job than replicas are asked for; ask for fewer, or try again later.
        TooFewOffers,
        /// A job is computed by one provider, or by `MIN_REPLICAS` to `MAX_REPLICAS` (3 to 5).
        WrongReplicas,
        /// Results of machines that compute approximately can't be compared; ask for the exact class.
        InexactReplicas,
        /// A replica can't be cancelled: others have computed, or compute, the same to be compared with it.
        IsReplica,
        /// A machine of a lease computes alone; send replicas with `submit_job`.
        ReplicasOnLease,
        /// The job would cost more than its `max_price`, with all its replicas; raise it, or ask for less.
        MaxPriceTooLow,
        /// The requester cannot pay the escrow out of its free balance.
        CannotPayEscrow,
        /// The number of machines or of blocks, or the highest price, is zero or above what can be leased.
        InvalidTerms,
        /// The time for commitments or for reveals is zero or above `MaxBidding`.
        BiddingOutOfBounds,
        /// The same requester has opened an auction in this block already.
        DuplicateAuction,
        /// No such auction is open.
        NoSuchAuction,
        /// Somebody has bid already; the auction takes its course.
        HasBids,
        /// The time for commitments is over.
        CommitsClosed,
        /// The time for reveals has not come; it begins when that for commitments is over.
        RevealsNotOpen,
        /// The time for reveals is over.
        RevealsClosed,
        /// This provider has bid already; a provider bids once.
        BidsAlready,
        /// The auction has as many bids as it can have.
        TooManyBids,
        /// The caller has no standing offer with room for this auction's model, class, region and tier.
        NotEligible,
        /// The caller's bond has no room for what the machine costs at most; raise it with `bond_extra`, or wait until
        /// jobs have ended.
        BondTooSmallForBid,
        /// The caller has not bid in this auction.
        NoSuchBid,
        /// Price and salt are not those that were committed.
        OtherBid,
        /// No such lease runs.
        NoSuchLease,
        /// The lease is for another model.
        OtherModel,
        /// The lease has no machine of this provider, or none any more.
        NotLeased,
        /// The machine is working on a job of the lease; send the next once that is attested.
        MachineBusy,
        /// The job's deadline is after the end of the lease; name a shorter one.
        PastLease,
        /// The same job, by the same requester in the same block, is there already.
        DuplicateJob,
        /// The payload is not what the extrinsic ends with, as in a batch with a call after it, a
        /// multisig, or a scheduled call. Put the job last, or send it by itself.
        NotTrailing,
    }
}
