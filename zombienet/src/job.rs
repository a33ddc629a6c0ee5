//! A job as a node's RPC gives it.

use anyhow::{Context, Result};
use serde_json::Value;
use zombienet_sdk::subxt::utils::H256;

/// Identifies a job.
pub type JobId = H256;

/// A job as `compute_job` gives it.
#[derive(Clone, Debug)]
pub struct Job(pub Value);

impl Job {
    /// Where it stands: `assigned`, `attested`, `settled` or `refunded`.
    pub fn state(&self) -> Result<&str> {
        self.text("/state")
    }

    /// The account that does the work.
    pub fn provider(&self) -> Result<&str> {
        self.text("/provider")
    }

    /// Price per work unit.
    pub fn price(&self) -> Result<u128> {
        self.amount("/price")
    }

    /// The text that came out, where the node has the model.
    pub fn output_text(&self) -> Result<&str> {
        self.text("/output/text")
    }

    /// The token ids that came out.
    pub fn output_words(&self) -> Result<&Vec<Value>> {
        let words = self.at("/output/words")?;
        words
            .as_array()
            .with_context(|| format!("the output is no list: {words}"))
    }

    /// An amount of this job, by its path in the answer.
    pub fn amount(&self, path: &str) -> Result<u128> {
        let value = self.at(path)?;
        let parsed = match value {
            Value::String(text) => text.parse().ok(),
            Value::Number(number) => number.to_string().parse().ok(),
            _ => None,
        };
        parsed.with_context(|| format!("{path} is no amount: {value}"))
    }

    fn text(&self, path: &str) -> Result<&str> {
        let value = self.at(path)?;
        value
            .as_str()
            .with_context(|| format!("{path} is no text: {value}"))
    }

    fn at(&self, path: &str) -> Result<&Value> {
        self.0
            .pointer(path)
            .with_context(|| format!("compute_job gave no {path}: {}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn amounts_are_read_from_text_and_numbers() {
        let job = Job(json!({ "price": "340282366920938463463374607431768211455", "escrow": 7 }));
        assert_eq!(job.price().ok(), Some(u128::MAX));
        assert_eq!(job.amount("/escrow").ok(), Some(7));
        assert!(job.amount("/paid").is_err());
    }

    #[test]
    fn an_output_without_text_is_an_error_and_not_an_empty_text() {
        let job = Job(json!({ "output": null }));
        assert!(job.output_text().is_err());
    }
}
