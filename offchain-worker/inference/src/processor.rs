//! What a network's pass runs on, and the rows that pass through its matrices.

use kagari_kernels::{
    fast::{Activations, InstructionSet, Matrix, Threads},
    NonFinite,
};

/// Instructions and threads.
pub struct Processor {
    pub set: InstructionSet,
    pub threads: Threads,
}

impl Processor {
    /// The best instructions of this machine, and as many threads as the environment says.
    pub fn new() -> Result<Self, String> {
        Ok(Self {
            set: InstructionSet::best(),
            threads: Threads::with_default_count().map_err(|e| e.to_string())?,
        })
    }

    /// The product of a matrix with each row of `x`, which is prepared for it if it isn't yet.
    pub fn project(&self, matrix: &Matrix, x: &mut Input) -> Result<Vec<f32>, NonFinite> {
        let mut out = vec![0.0; x.rows.len() / x.width * matrix.rows()];
        let prepared = x.prepare(self, matrix)?;
        matrix.multiply(self.set, &self.threads, prepared, &mut out);
        Ok(out)
    }
}

/// Rows that several matrices are multiplied with, prepared once for each kind of weights.
pub struct Input {
    rows: Vec<f32>,
    width: usize,
    prepared: Vec<Activations>,
}

impl Input {
    /// Rows of `width`.
    pub fn new(rows: Vec<f32>, width: usize) -> Self {
        Self {
            rows,
            width,
            prepared: Vec::new(),
        }
    }

    /// The rows, as they are.
    pub fn into_rows(self) -> Vec<f32> {
        self.rows
    }

    fn prepare(&mut self, on: &Processor, matrix: &Matrix) -> Result<&Activations, NonFinite> {
        let format = matrix.format();
        let at = match self.prepared.iter().position(|p| p.fit(format)) {
            Some(at) => at,
            None => {
                let prepared =
                    Activations::prepare(on.set, &on.threads, format, self.width, &self.rows)?;
                self.prepared.push(prepared);
                self.prepared.len() - 1
            }
        };
        Ok(&self.prepared[at])
    }
}
