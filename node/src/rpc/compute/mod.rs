//! The namespace `compute_*`: models, offers, providers and jobs for people and programs.

mod error;
mod jobs;
mod json;
mod market_views;
mod models;
mod prepare;
mod quote;
mod request;
mod subscription;
mod views;
mod worker_key;

use crate::{job_index::JobIndex, service::FullClient};
use error::Error;
use json::Address;
use jsonrpsee::{
    core::{async_trait, SubscriptionResult},
    proc_macros::rpc,
    Extensions, PendingSubscriptionSink,
};
use kagari_offchain_worker::Inference;
use kagari_primitives::{ComputeApi as _, Hash, JobId, Manifest, ModelId};
use market_views::{EraRewardView, ModelView, OfferView, ProviderView};
use prepare::Prepared;
use request::PrepareRequest;
use sc_client_api::HeaderBackend;
use sp_api::{ApiRef, ProvideRuntimeApi};
use sp_keystore::KeystorePtr;
use std::sync::Arc;
use views::JobView;
use worker_key::NewWorkerKey;

/// Most eras that are looked at for one answer.
const MAX_ERAS: u32 = 32;

/// The namespace `compute_*`.
#[rpc(server, namespace = "compute")]
pub trait Compute {
    /// Turns text or a conversation into a job that only has to be signed: its input as token ids, its
    /// specification, and what it would cost now.
    #[method(name = "prepare")]
    async fn prepare(&self, request: PrepareRequest) -> Result<Prepared, Error>;

    /// A job, open or ended; `null` if the node knows none of this id.
    #[method(name = "job")]
    async fn job(&self, id: JobId) -> Result<Option<JobView>, Error>;

    /// Sends the job as `compute_job` gives it, at once and whenever it changes, until it has
    /// ended. For a job that the node does not know yet, it sends `null` and goes on.
    #[subscription(
        name = "subscribeJob" => "jobUpdate",
        unsubscribe = "unsubscribeJob",
        item = Option<JobView>
    )]
    async fn subscribe_job(&self, id: JobId) -> SubscriptionResult;

    /// The registered models.
    #[method(name = "models", blocking)]
    fn models(&self) -> Result<Vec<ModelView>, Error>;

    /// The offers for a model, by its name or id, that have room now; cheapest first.
    #[method(name = "offers", blocking)]
    fn offers(&self, model: String) -> Result<Vec<OfferView>, Error>;

    /// All providers.
    #[method(name = "providers", blocking)]
    fn providers(&self) -> Result<Vec<ProviderView>, Error>;

    /// One provider; `null` if the account is none.
    #[method(name = "provider", blocking)]
    fn provider(&self, account: Address) -> Result<Option<ProviderView>, Error>;

    /// What an account earned as a provider in the latest eras, 32 at most, with the terms that each reward follows
    /// from; the latest first.
    #[method(name = "rewards", blocking)]
    fn rewards(&self, account: Address, eras: u32) -> Result<Vec<EraRewardView>, Error>;

    /// Makes a worker key in the node's keystore for the provider `owner`, with the proof that
    /// registering it asks for. Not for the public.
    #[method(name = "rotateWorkerKey", with_extensions)]
    fn rotate_worker_key(&self, owner: Address) -> Result<NewWorkerKey, Error>;
}

/// Answers the methods of the namespace.
#[derive(Clone)]
pub struct Compute {
    client: Arc<FullClient>,
    keystore: KeystorePtr,
    jobs: Arc<JobIndex>,
    inference: Option<Inference>,
}

impl Compute {
    /// Answers from these parts of the node.
    pub fn new(
        client: Arc<FullClient>,
        keystore: KeystorePtr,
        jobs: Arc<JobIndex>,
        inference: Option<Inference>,
    ) -> Self {
        Self {
            client,
            keystore,
            jobs,
            inference,
        }
    }

    fn best(&self) -> Hash {
        self.client.info().best_hash
    }

    fn api(
        &self,
    ) -> ApiRef<'_, <FullClient as ProvideRuntimeApi<kagari_runtime::opaque::Block>>::Api> {
        self.client.runtime_api()
    }

    /// The model with this name or id, as seen from a block.
    fn model(&self, at: Hash, asked: &str) -> Result<(ModelId, Manifest), Error> {
        models::pick(asked, self.api().models(at)?)
    }
}

#[async_trait]
impl ComputeServer for Compute {
    async fn prepare(&self, request: PrepareRequest) -> Result<Prepared, Error> {
        self.prepare_job(request).await
    }

    async fn job(&self, id: JobId) -> Result<Option<JobView>, Error> {
        match self.find_job(id)? {
            Some(info) => Ok(Some(self.view_job(info).await)),
            None => Ok(None),
        }
    }

    async fn subscribe_job(
        &self,
        pending: PendingSubscriptionSink,
        id: JobId,
    ) -> SubscriptionResult {
        self.follow_job(pending, id).await
    }

    fn models(&self) -> Result<Vec<ModelView>, Error> {
        let is_local = |manifest: &Manifest| {
            self.inference
                .as_ref()
                .is_some_and(|inference| inference.available(manifest))
        };
        let models = self.api().models(self.best())?;
        let view = |(id, manifest): (ModelId, Manifest)| {
            ModelView::new(id, &manifest, is_local(&manifest))
        };
        Ok(models.into_iter().map(view).collect())
    }

    fn offers(&self, model: String) -> Result<Vec<OfferView>, Error> {
        let best = self.best();
        let (id, _) = self.model(best, &model)?;
        Ok(self
            .api()
            .offers(best, id)?
            .into_iter()
            .map(OfferView::from)
            .collect())
    }

    fn providers(&self) -> Result<Vec<ProviderView>, Error> {
        let providers = self.api().providers(self.best())?;
        Ok(providers.into_iter().map(ProviderView::from).collect())
    }

    fn provider(&self, account: Address) -> Result<Option<ProviderView>, Error> {
        let provider = self.api().provider(self.best(), account.0)?;
        Ok(provider.map(ProviderView::from))
    }

    fn rewards(&self, account: Address, eras: u32) -> Result<Vec<EraRewardView>, Error> {
        let best = self.best();
        let Some(latest) = self.api().latest_era(best)? else {
            return Ok(Vec::new());
        };
        let eras = (0..=latest).rev().take(eras.min(MAX_ERAS) as usize);
        let rewards = eras.map(|era| self.api().reward_of(best, account.0.clone(), era));
        let rewards: Vec<_> = rewards.collect::<Result<_, _>>()?;
        Ok(rewards
            .into_iter()
            .flatten()
            .map(EraRewardView::from)
            .collect())
    }

    fn rotate_worker_key(&self, ext: &Extensions, owner: Address) -> Result<NewWorkerKey, Error> {
        sc_rpc_api::check_if_safe(ext)?;
        worker_key::generate(&*self.keystore, self.client.info().genesis_hash, &owner.0)
    }
}
