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
    /// Most work that the job can be, in multiply-accumulates, for each provider that computes it.
    pub work: Decimal<Work>,
    /// The same in work units.
    pub work_units: String,
    /// What the job would cost now, all replicas together; `null` if too few offers have room for it.
    pub cheapest: Option<Quote>,
    /// A maximum price that leaves the market room to move, for all replicas together; `null` if there is no price
    /// to go by.
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
        let Plan {
            content,
            kind,
            replicas,
        } = request::check(request, &manifest)?;
        let input = encode(self.inference_for(&manifest)?, &manifest, content).await?;
        let task = request::task(kind, input.len(), &manifest)?;
        let input_len = u32::try_from(input.len()).unwrap_or(u32::MAX);
        let work = task.most_work(&manifest.shape, input_len);
        let deadline = quote::deadline(work);
        let spec = JobSpec {
            replicas,
            ..JobSpec::new(model, task, Balance::MAX, deadline)
        };
        let cheapest = self.cheapest(best, spec.clone(), input_len)?;
        Ok(finish(Terms {
            spec,
            manifest,
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

    /// What the chain would find for a job now; `None` if it would find nobody, or too few.
    fn cheapest(&self, at: Hash, spec: JobSpec, input_len: u32) -> Result<Option<Quote>, Error> {
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
    /// Whatever it costs.
    spec: JobSpec,
    manifest: Manifest,
    input: Vec<Word>,
    work: Work,
    cheapest: Option<Quote>,
    price_per_unit: Option<Amount>,
}

fn finish(terms: Terms) -> Prepared {
    let Terms {
        spec,
        manifest,
        input,
        work,
        cheapest,
        price_per_unit,
    } = terms;
    let JobSpec {
        model,
        task,
        deadline,
        replicas,
        ..
    } = spec;
    let offered = cheapest
        .as_ref()
        .map(|quote| quote::max_price(quote.total.0));
    let max_price = price_per_unit
        .map(|price| price_of(price.0, work).saturating_mul(replicas.into()))
        .or(offered)
        .map(Decimal);
    let spec = max_price.map(|Decimal(max_price)| SpecView::from(JobSpec { max_price, ..spec }));
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
        prepared_for(1, price, price_per_unit)
    }

    fn prepared_for(
        replicas: u8,
        price: Option<Balance>,
        price_per_unit: Option<Balance>,
    ) -> Value {
        let manifest = known_models::all_minilm_l6_v2();
        let work = Task::Embedding.most_work(&manifest.shape, 3);
        let cheapest = price.map(|price| kagari_primitives::Quote {
            provider: AccountId::new([2; 32]),
            asked: price,
            price,
            work,
            escrow: price_of(price, work) * Balance::from(replicas),
        });
        let deadline = quote::deadline(work);
        let prepared = finish(Terms {
            spec: JobSpec {
                replicas,
                ..JobSpec::new(manifest.id(), Task::Embedding, Balance::MAX, deadline)
            },
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
    fn the_price_of_replicas_is_for_all_of_them() {
        let work = known_models::all_minilm_l6_v2().shape.work(3, 0);
        let offered = prepared_for(3, Some(1_000_000), None);
        let total = 3 * price_of(1_000_000, work);
        assert_eq!(offered["cheapest"]["total"], json!(total.to_string()));
        let max_price = json!(quote::max_price(total).to_string());
        assert_eq!(offered["maxPrice"], max_price);
        assert_eq!(offered["spec"]["maxPrice"], max_price);
        assert_eq!(offered["spec"]["replicas"], json!(3));
        assert_eq!(offered["work"], json!(work.to_string()));

        let given = prepared_for(3, Some(1_000_000), Some(5_000_000));
        let max_price = 3 * price_of(5_000_000, work);
        assert_eq!(given["spec"]["maxPrice"], json!(max_price.to_string()));
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
