//! How far two distributions of the next token are from each other.

use serde::Serialize;
use std::fmt;

/// From this lead of the likeliest token on, in probability, a choice is no near tie.
const CLEAR: f64 = 0.1;

/// A distribution of the next token.
pub struct Distribution {
    /// Natural logarithms of the probabilities, one for each token id.
    logarithms: Vec<f64>,
    likeliest: usize,
}

impl Distribution {
    /// The softmax of logits.
    pub fn of(logits: &[f32]) -> Self {
        let likeliest = greatest(logits.iter().copied().enumerate());
        let above = |logit: &f32| f64::from(*logit) - f64::from(logits[likeliest]);
        let sum: f64 = logits.iter().map(|logit| above(logit).exp()).sum();
        let logarithms = logits.iter().map(|logit| above(logit) - sum.ln());
        Self {
            logarithms: logarithms.collect(),
            likeliest,
        }
    }

    /// The id of the likeliest token, the lowest of equals.
    pub fn likeliest(&self) -> usize {
        self.likeliest
    }

    /// The Kullback-Leibler divergence of `other` from this, in nats.
    fn divergence(&self, other: &Self) -> f64 {
        let pairs = self.logarithms.iter().zip(&other.logarithms);
        let sum: f64 = pairs.map(|(own, other)| own.exp() * (own - other)).sum();
        // Rounding can bring a sum that is 0 below it.
        sum.max(0.0)
    }

    /// How much likelier its likeliest token is than another.
    fn lead_over(&self, id: usize) -> f64 {
        let probability = |id: usize| self.logarithms[id].exp();
        probability(self.likeliest) - probability(id)
    }

    /// Whether its likeliest token leads all others clearly.
    fn is_clear(&self) -> bool {
        let others = self.logarithms.iter().copied().enumerate();
        let second = greatest(others.filter(|(id, _)| *id != self.likeliest));
        self.lead_over(second) >= CLEAR
    }
}

/// Where the greatest value is, the first of equals.
fn greatest<T: PartialOrd>(values: impl Iterator<Item = (usize, T)>) -> usize {
    let greater = |best: (usize, T), next: (usize, T)| match next.1 > best.1 {
        true => next,
        false => best,
    };
    values.reduce(greater).map_or(0, |(id, _)| id)
}

/// What was found of two engines, over positions.
#[derive(Clone, Default, Serialize)]
#[serde(into = "Figures")]
pub struct Comparison {
    positions: usize,
    clear: usize,
    clear_differing: usize,
    divergences: Sum,
    /// Of the positions where the likeliest tokens differ.
    leads: Sum,
}

#[derive(Clone, Default)]
struct Sum {
    count: usize,
    total: f64,
    greatest: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        self.count += 1;
        self.total += value;
        self.greatest = self.greatest.max(value);
    }

    fn mean(&self) -> f64 {
        self.total / self.count.max(1) as f64
    }
}

impl Comparison {
    /// Adds a position: what the engine that is compared with says, and what the other says.
    pub fn add(&mut self, expected: &Distribution, found: &Distribution) {
        let differs = expected.likeliest != found.likeliest;
        let clear = expected.is_clear();
        self.positions += 1;
        self.clear += usize::from(clear);
        self.clear_differing += usize::from(clear && differs);
        self.divergences.add(expected.divergence(found));
        if differs {
            self.leads.add(expected.lead_over(found.likeliest));
        }
    }

    /// Positions that were compared.
    pub fn positions(&self) -> usize {
        self.positions
    }

    /// Share of the positions where the likeliest token is the same.
    pub fn agreement(&self) -> f64 {
        1.0 - share(self.leads.count, self.positions)
    }
}

fn share(some: usize, all: usize) -> f64 {
    some as f64 / all.max(1) as f64
}

/// What a comparison comes to, for programs.
#[derive(Serialize)]
struct Figures {
    positions: usize,
    /// Share of the positions where the likeliest token is the same.
    top_1_agreement: f64,
    /// The same, of positions where the likeliest token leads by [`CLEAR`] or more in the engine that is
    /// compared with.
    clear_top_1_agreement: f64,
    clear_positions: usize,
    /// Kullback-Leibler divergence, in nats.
    mean_divergence: f64,
    max_divergence: f64,
    /// Where the likeliest tokens differ: by how much the engine that is compared with holds its own
    /// likelier than the other's.
    mean_lead: f64,
    max_lead: f64,
}

impl From<Comparison> for Figures {
    fn from(found: Comparison) -> Self {
        Self {
            positions: found.positions,
            top_1_agreement: found.agreement(),
            clear_top_1_agreement: 1.0 - share(found.clear_differing, found.clear),
            clear_positions: found.clear,
            mean_divergence: found.divergences.mean(),
            max_divergence: found.divergences.greatest,
            mean_lead: found.leads.mean(),
            max_lead: found.leads.greatest,
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = Figures::from(self.clone());
        let percent = [figures.top_1_agreement, figures.clear_top_1_agreement].map(|s| 100.0 * s);
        let [agreement, clear] = percent;
        let (mean, max) = (figures.mean_divergence, figures.max_divergence);
        let (mean_lead, max_lead) = (figures.mean_lead, figures.max_lead);
        write!(
            f,
            "{agreement:10.2} %{clear:10.2} %{mean:10.5}{max:8.3}{mean_lead:10.3}{max_lead:8.3}"
        )
    }
}

/// What stands over the columns of a [`Comparison`].
pub const COLUMNS: [&str; 2] = [
    "       top-1  no near tie      KL divergence    lead where top-1 differs",
    "   agreement    agreement      mean     max      mean     max",
];
