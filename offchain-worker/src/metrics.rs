//! Prometheus metrics. Without a registry they are counted all the same, and nobody reads them.

use substrate_prometheus_endpoint::{
    exponential_buckets, linear_buckets, prometheus::core::Collector, Counter, CounterVec, Gauge,
    Histogram, HistogramOpts, Opts, PrometheusError, Registry, U64,
};

const LOG_TARGET: &str = "kagari::metrics";

/// Metrics of the inference child.
#[derive(Clone)]
pub struct ChildMetrics {
    /// Times that the child was started again.
    pub restarts: Counter<U64>,
}

impl ChildMetrics {
    /// Metrics that stand in the registry, if there is one.
    pub fn new(registry: Option<&Registry>) -> Self {
        let restarts = counter(
            "kagari_inference_restarts",
            "Restarts of the inference process",
        );
        Self {
            restarts: register(restarts, registry),
        }
    }
}

/// Metrics of the worker.
#[derive(Clone)]
pub struct WorkerMetrics {
    /// Assignments that were taken note of.
    pub assigned: Counter<U64>,
    /// Jobs that are being computed.
    pub running: Gauge<U64>,
    /// Jobs that wait to be computed.
    pub waiting: Gauge<U64>,
    /// Attestations that were seen in a block.
    pub attested: Counter<U64>,
    /// Failures, by reason.
    pub failed: CounterVec<U64>,
    /// Seconds from the first sight of an assignment to the start of its computation.
    pub queueing: Histogram,
    /// Seconds of a computation, for those that succeed.
    pub inference: Histogram,
    /// Blocks from the end of a computation to the block that carries its attestation.
    pub attestation: Histogram,
}

impl WorkerMetrics {
    /// Metrics that stand in the registry, if there is one.
    pub fn new(registry: Option<&Registry>) -> Self {
        let seconds = || exponential_buckets(0.01, 2.0, 16).unwrap_or_default();
        let blocks = linear_buckets(1.0, 1.0, 16).unwrap_or_default();
        let failed = CounterVec::new(
            Opts::new(
                "kagari_jobs_failed",
                "Failures of jobs on this node, by reason",
            ),
            &["reason"],
        );
        Self {
            assigned: register(
                counter("kagari_jobs_assigned", "Jobs assigned to this node"),
                registry,
            ),
            running: register(
                gauge("kagari_jobs_running", "Jobs that are being computed"),
                registry,
            ),
            waiting: register(
                gauge("kagari_jobs_waiting", "Jobs that wait to be computed"),
                registry,
            ),
            attested: register(
                counter(
                    "kagari_jobs_attested",
                    "Jobs whose attestation was seen in a block",
                ),
                registry,
            ),
            failed: register(valid(failed), registry),
            queueing: register(
                histogram(
                    "kagari_queueing_seconds",
                    "From assignment to start of a computation",
                    seconds(),
                ),
                registry,
            ),
            inference: register(
                histogram(
                    "kagari_inference_seconds",
                    "Time of a computation",
                    seconds(),
                ),
                registry,
            ),
            attestation: register(
                histogram(
                    "kagari_attestation_blocks",
                    "Blocks from result to attestation",
                    blocks,
                ),
                registry,
            ),
        }
    }
}

fn register<T: Clone + Collector + 'static>(metric: T, registry: Option<&Registry>) -> T {
    let registered = registry.map(|r| r.register(Box::new(metric.clone())));
    if let Some(Err(error)) = registered {
        log::warn!(target: LOG_TARGET, "Cannot register a metric: {error}");
    }
    metric
}

fn counter(name: &str, help: &str) -> Counter<U64> {
    valid(Counter::new(name, help))
}

fn gauge(name: &str, help: &str) -> Gauge<U64> {
    valid(Gauge::new(name, help))
}

fn histogram(name: &str, help: &str, buckets: Vec<f64>) -> Histogram {
    valid(Histogram::with_opts(
        HistogramOpts::new(name, help).buckets(buckets),
    ))
}

#[allow(clippy::expect_used)]
fn valid<T>(metric: Result<T, PrometheusError>) -> T {
    metric.expect("names and buckets are literals, which a test tries; qed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_registered_once() {
        let registry = Registry::new();
        let worker = WorkerMetrics::new(Some(&registry));
        let child = ChildMetrics::new(Some(&registry));
        worker.failed.with_label_values(&["timeout"]).inc();
        assert_eq!(registry.gather().len(), 9);
        // A second worker counts for itself.
        let again = ChildMetrics::new(Some(&registry));
        again.restarts.inc();
        assert_eq!(child.restarts.get(), 0);
    }

    #[test]
    fn metrics_work_without_a_registry() {
        let worker = WorkerMetrics::new(None);
        worker.queueing.observe(0.5);
        assert_eq!(worker.queueing.get_sample_count(), 1);
    }
}
