//! What a node counts of itself, as Prometheus reads it.

use super::{node::Node, process::pause};
use std::{
    io::{Read, Write},
    net::TcpStream,
};

impl Node {
    /// The value of a metric, over all its labels; `None` if the node has no such metric.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.metric_with(name, "")
    }

    /// Waits until a job is being computed.
    pub async fn wait_until_job_runs(&self) {
        for _ in 0..600 {
            if self.metric("kagari_jobs_running") == Some(1.0) {
                return;
            }
            pause().await;
        }
        panic!("no job is being computed:\n{}", self.log_tail());
    }

    /// Like [`Self::metric`], over those that have this label.
    pub fn metric_with(&self, name: &str, label: &str) -> Option<f64> {
        let answer = get(self.ports.metrics, "/metrics");
        let lines = answer.lines().filter(|l| !l.starts_with('#'));
        let lines = lines.filter_map(|line| line.rsplit_once(' '));
        let fitting = lines.filter(|(key, _)| key.contains(name) && key.contains(label));
        let values: Vec<f64> = fitting
            .filter_map(|(_, value)| value.parse().ok())
            .collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }
}

/// Asks for a page by HTTP.
fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the node takes connections");
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .expect("the request is sent");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the answer is text");
    answer
}
