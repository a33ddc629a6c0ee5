//! Following a job.

use super::{error::Error, Compute};
use futures::{future::Either, StreamExt};
use jsonrpsee::{
    core::SubscriptionResult, types::ErrorObjectOwned, PendingSubscriptionSink,
    SubscriptionMessage, SubscriptionSink,
};
use kagari_primitives::{JobId, JobInfo};
use sc_client_api::{BlockchainEvents, ImportNotifications};

type Imports = ImportNotifications<kagari_runtime::opaque::Block>;

impl Compute {
    /// Sends a job whenever it changes, until it is over or nobody listens.
    pub(super) async fn follow_job(
        &self,
        pending: PendingSubscriptionSink,
        id: JobId,
    ) -> SubscriptionResult {
        // From before the first look, so that no change is missed in between.
        let mut imports = self.client.every_import_notification_stream();
        let sink = pending.accept().await?;
        let mut sent: Option<Option<JobInfo>> = None;
        loop {
            let job = self.find_job(id).map_err(message_of)?;
            if sent.as_ref() != Some(&job) && self.send_job(&sink, job.clone()).await? {
                return Ok(());
            }
            sent = Some(job);
            if !new_best(&mut imports, &sink).await {
                return Ok(());
            }
        }
    }

    /// Sends a job, and says whether it is over.
    async fn send_job(
        &self,
        sink: &SubscriptionSink,
        job: Option<JobInfo>,
    ) -> Result<bool, jsonrpsee::core::StringError> {
        let view = match job {
            Some(info) => Some(self.view_job(info).await),
            None => None,
        };
        sink.send(SubscriptionMessage::from_json(&view)?).await?;
        Ok(view.is_some_and(|view| view.state.is_over()))
    }
}

/// Waits for a new best block; `false` if nobody listens any more or the node ends.
async fn new_best(imports: &mut Imports, sink: &SubscriptionSink) -> bool {
    let closed = std::pin::pin!(sink.closed());
    let next = imports.filter(|block| std::future::ready(block.is_new_best));
    let mut next = std::pin::pin!(next);
    match futures::future::select(next.next(), closed).await {
        Either::Left((block, _)) => block.is_some(),
        Either::Right(_) => false,
    }
}

fn message_of(error: Error) -> String {
    ErrorObjectOwned::from(error).message().to_owned()
}
