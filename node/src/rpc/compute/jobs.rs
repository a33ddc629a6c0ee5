//! Jobs: from the state while they are open, from the index once they have ended.

use super::{
    error::Error,
    views::{attestation, vector, JobView, OutputView},
    Compute,
};
use kagari_offchain_worker::payload;
use kagari_primitives::{
    attestation::AttestationRecord, Architecture, BlockNumber, ComputeApi as _, Hash, JobId,
    JobInfo, Manifest, Word,
};

/// Where a payload is.
struct Place {
    block: BlockNumber,
    extrinsic: u32,
    len: u32,
    hash: Hash,
}

impl Compute {
    /// The job with this id, as seen from the best block. The state comes first: a job that ended on
    /// another branch may still be open on this one.
    pub(super) fn find_job(&self, id: JobId) -> Result<Option<JobInfo>, Error> {
        if let Some(open) = self.api().job(self.best(), id)? {
            return Ok(Some(open));
        }
        Ok(self.jobs.find(id)?)
    }

    /// A job with as much of its payloads as can be read here.
    pub(super) async fn view_job(&self, info: JobInfo) -> JobView {
        let manifest = self
            .api()
            .model(self.best(), info.spec.model)
            .ok()
            .flatten();
        let input = self.read(Place {
            block: info.input_block,
            extrinsic: info.input_extrinsic,
            len: info.input_len,
            hash: info.input_hash,
        });
        let output = match attestation(&info.state) {
            Some(record) => Some(self.view_output(record, manifest.as_ref()).await),
            None => None,
        };
        let name = manifest.map(|manifest| manifest.name_text());
        JobView::new(info, name, input, output)
    }

    async fn view_output(
        &self,
        record: &AttestationRecord,
        manifest: Option<&Manifest>,
    ) -> OutputView {
        let mut view = OutputView::unread(record);
        view.words = self.read(Place {
            block: record.block,
            extrinsic: record.extrinsic,
            len: record.output_len,
            hash: record.output_hash,
        });
        let (Some(words), Some(manifest)) = (&view.words, manifest) else {
            return view;
        };
        match manifest.shape.architecture {
            Architecture::Bert => view.vector = Some(vector(words)),
            Architecture::Llama => view.text = self.decode(manifest, words.clone()).await,
        }
        view
    }

    /// The words of a payload, where the node still has the block.
    fn read(&self, place: Place) -> Option<Vec<Word>> {
        let Place {
            block,
            extrinsic,
            len,
            hash,
        } = place;
        match payload::read(&*self.client, block, extrinsic, len, hash) {
            Ok(words) => Some(words),
            Err(error) => {
                log::debug!("Payload {hash:?} could not be read: {error}");
                None
            }
        }
    }

    /// The text of token ids, where the node has the model.
    async fn decode(&self, manifest: &Manifest, words: Vec<Word>) -> Option<String> {
        let inference = self.inference.as_ref().filter(|i| i.available(manifest))?;
        match inference.decode(manifest, words).await {
            Ok(text) => Some(text),
            Err(error) => {
                log::debug!("An output could not be turned into text: {error}");
                None
            }
        }
    }
}
