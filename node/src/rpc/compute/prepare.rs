//! `compute_prepare`: from text to a job that only has to be signed.

use super::{
    error::Error,
    json::{Amount, Decimal},
    quote::{self, Quote},
    request::{self, Content, Plan, PrepareRequest},
    views::SpecView,
    Compute,
};
use kagari_offchain_worker::Inference;
use kagari_primitives::{
    price_of, Balance, BlockNumber, ComputeApi as _, Hash, JobSpec, Manifest, ModelId, Task, Word,
    Work,
};
use serde::Serialize;

/// A job that only has to be signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Prepared {
    /// The model.
    pub model: ModelId,
    /// Its name.
    pub name: String,
    /// What to compute.
    pub task: Task,
    /// The input as token ids: the second argument of `computeMarket.submitJob`.
    pub input: Vec<Word>,
    /// Most work that the job can be, in multiply-accumulates.
    pub work: Decimal<Work>,
    /// The same in work units.
    pub work_units: String,
    /// What the job would cost now; `null` if no offer has room for it.
    pub cheapest: Option<Quote>,
    /// A maximum price that leaves the market room to move; `null` if there is no price to go by.
    pub max_price: Option<Amount>,
    /// Blocks to give the provider.
    pub deadline: BlockNumber,
    /// The first argument of `computeMarket.submitJob`; `null` if there is no price to go by.
    pub spec: Option<SpecView>,
}

impl Compute {
    /// Turns a request into a job.
    pub(super) async fn prepare_job(&self, request: PrepareRequest) -> Result<Prepared, Error> {
        let best = self.best();
        let (model, manifest) = self.model(best, &request.model)?;
        let price_per_unit = request.price_per_unit;
        let Plan { content, kind } = request::check(request, &manifest)?;
        let input = encode(self.inference_for(&manifest)?, &manifest, content).await?;
        let task = request::task(kind, input.len(), &manifest)?;
        let input_len = u32::try_from(input.len()).unwrap_or(u32::MAX);
        let work = task.most_work(&manifest.shape, input_len);
        let cheapest = self.cheapest(best, model, task, input_len, work)?;
        Ok(finish(Terms {
            model,
            manifest,
            task,
            input,
            work,
            cheapest,
            price_per_unit,
        }))
    }

    fn inference_for(&self, manifest: &Manifest) -> Result<&Inference, Error> {
        let here = self
            .inference
            .as_ref()
            .filter(|inference| inference.available(manifest));
        here.ok_or_else(|| Error::ModelNotHere {
            name: manifest.name_text(),
        })
    }

    /// What the chain would find for a job now, whatever it costs; `None` if it would find nobody.
    fn cheapest(
        &self,
        at: Hash,
        model: ModelId,
        task: Task,
        input_len: u32,
        work: Work,
    ) -> Result<Option<Quote>, Error> {
        let spec = JobSpec::new(model, task, Balance::MAX, quote::deadline(work));
        let quote = self.api().quote(at, spec, input_len)?;
        Ok(quote.ok().map(Quote::from))
    }
}

async fn encode(
    inference: &Inference,
    manifest: &Manifest,
    content: Content,
) -> Result<Vec<Word>, Error> {
    let encoded = match content {
        Content::Text(text) => inference.encode(manifest, text).await,
        Content::Chat(messages) => inference.encode_chat(manifest, messages).await,
    };
    Ok(encoded?)
}

/// All that is known of a job before it is written down.
struct Terms {
    model: ModelId,
    manifest: Manifest,
    task: Task,
    input: Vec<Word>,
    work: Work,
    cheapest: Option<Quote>,
    price_per_unit: Option<Amount>,
}

fn finish(terms: Terms) -> Prepared {
    let Terms {
        model,
        manifest,
        task,
        input,
        work,
        cheapest,
        price_per_unit,
    } = terms;
    let deadline = quote::deadline(work);
    let offered = cheapest
        .as_ref()
        .map(|quote| quote::max_price(quote.total.0));
    let max_price = price_per_unit
        .map(|price| price_of(price.0, work))
        .or(offered)
        .map(Decimal);
    let spec = max_price.map(|Decimal(most)| JobSpec::new(model, task, most, deadline).into());
    Prepared {
        model,
        name: manifest.name_text(),
        task,
        input,
        work: Decimal(work),
        work_units: quote::work_units(work),
        cheapest,
        max_price,
        deadline,
        spec,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kagari_primitives::{known_models, AccountId};
    use serde_json::{json, to_value, Value};

    fn prepared(price: Option<Balance>, price_per_unit: Option<Balance>) -> Value {
        let manifest = known_models::all_minilm_l6_v2();
        let work = Task::Embedding.most_work(&manifest.shape, 3);
        let cheapest = price.map(|price| kagari_primitives::Quote {
            provider: AccountId::new([2; 32]),
            asked: price,
            price,
            work,
            escrow: price_of(price, work),
        });
        let prepared = finish(Terms {
            model: manifest.id(),
            task: Task::Embedding,
            input: vec![101, 7592, 102],
            work,
            cheapest: cheapest.map(Quote::from),
            price_per_unit: price_per_unit.map(Decimal),
            manifest,
        });
        to_value(prepared).expect("it is JSON")
    }

    #[test]
    fn a_job_is_ready_to_be_signed() {
        let job = prepared(Some(1_000_000), None);
        let work = known_models::all_minilm_l6_v2().shape.work(3, 0);
        let total = price_of(1_000_000, work);
        assert_eq!(job["work"], json!(work.to_string()));
        assert_eq!(job["workUnits"], json!(quote::work_units(work)));
        assert_eq!(job["cheapest"]["total"], json!(total.to_string()));
        assert_eq!(job["input"], json!([101, 7592, 102]));
        let spec = json!({
            "model": job["model"],
            "task": "embedding",
            "maxPrice": quote::max_price(total).to_string(),
            "deadline": job["deadline"],
            "minTier": "new",
            "class": "exact",
            "region": null,
            "replicas": 1,
        });
        assert_eq!(job["spec"], spec);
    }

    #[test]
    fn without_an_offer_there_is_no_price() {
        let job = prepared(None, None);
        assert_eq!(
            (&job["cheapest"], &job["spec"]),
            (&Value::Null, &Value::Null)
        );
    }

    #[test]
    fn a_price_that_is_given_counts() {
        let work = known_models::all_minilm_l6_v2().shape.work(3, 0);
        let max_price = json!(price_of(5_000_000, work).to_string());
        for offered in [None, Some(1_000_000)] {
            assert_eq!(
                prepared(offered, Some(5_000_000))["spec"]["maxPrice"],
                max_price
            );
        }
    }
}
