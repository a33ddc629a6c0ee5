//! Threads, over which outputs are split.

use core::{fmt, hint::black_box, marker::PhantomData, ops::Range};
use rayon::{
    iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator},
    slice::{ParallelSlice, ParallelSliceMut},
    ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder,
};

/// Pieces for each thread: so many that none waits long for the others at the end.
const PIECES: usize = 4;

/// Rows from which on it pays to share them.
const MANY_ROWS: usize = 8;

/// Threads that share the work of a pass.
pub struct Threads {
    pool: ThreadPool,
}

/// Why there are no threads.
#[derive(Debug)]
pub enum NoThreads {
    /// They could not be started.
    Start(ThreadPoolBuildError),
    /// The processor flushes subnormal numbers to zero, or does not round to nearest: a library has
    /// changed its mode.
    Rounding,
}

impl From<ThreadPoolBuildError> for NoThreads {
    fn from(error: ThreadPoolBuildError) -> Self {
        Self::Start(error)
    }
}

impl fmt::Display for NoThreads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(error) => write!(f, "threads could not be started: {error}"),
            Self::Rounding => f.write_str("the processor does not round as the kernels need it"),
        }
    }
}

impl core::error::Error for NoThreads {}

/// Whether this thread keeps subnormal numbers and rounds to nearest, ties to even.
fn rounds_as_specified() -> bool {
    let (least, one) = (black_box(f32::from_bits(1)), black_box(1.0f32));
    let half_an_ulp = black_box(f32::EPSILON / 2.0);
    let keeps_subnormals = least * one == least && black_box(f32::MIN_POSITIVE) / 2.0 > 0.0;
    let ties_to_even = one + half_an_ulp == one && -one - half_an_ulp == -one;
    let up_from_odd = (one + f32::EPSILON) + half_an_ulp == one + 2.0 * f32::EPSILON;
    keeps_subnormals && ties_to_even && up_from_odd
}

impl Threads {
    /// As many threads as the environment variable `RAYON_NUM_THREADS` says, or as there are processors.
    pub fn with_default_count() -> Result<Self, NoThreads> {
        Self::new(0)
    }

    /// So many threads.
    pub fn new(count: usize) -> Result<Self, NoThreads> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(count)
            .thread_name(|i| format!("kernels-{i}"))
            .build()?;
        let rounds_well = pool.broadcast(|_| rounds_as_specified());
        if !rounds_as_specified() || rounds_well.contains(&false) {
            return Err(NoThreads::Rounding);
        }
        Ok(Self { pool })
    }

    /// Number of threads.
    pub fn count(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs a whole pass on these threads; its splits then cost little.
    pub fn run<R: Send>(&self, pass: impl FnOnce() -> R + Send) -> R {
        self.pool.install(pass)
    }

    /// How many of so many rows one thread takes: all, if they are few.
    pub(super) fn rows_together(&self, rows: usize) -> usize {
        let threads = if rows < MANY_ROWS { 1 } else { self.count() };
        rows.div_ceil(threads).max(1)
    }

    /// Does `work` for pieces of rows of `width`, of `x` and of `out` alike.
    pub(super) fn split_rows<R: Send>(
        &self,
        width: usize,
        x: &[f32],
        out: &mut [f32],
        work: impl Fn(&[f32], &mut [f32]) -> R + Sync,
    ) -> Vec<R> {
        let rows = x.len() / width;
        let together = self.rows_together(rows);
        if together >= rows {
            return vec![work(x, out)];
        }
        let piece = together * width;
        self.pool.install(|| {
            let pieces = x.par_chunks(piece).zip(out.par_chunks_mut(piece));
            pieces.map(|(x, out)| work(x, out)).collect()
        })
    }

    /// Does `work` for pieces of rows of `width`, in place.
    pub(super) fn split_mut<R: Send>(
        &self,
        width: usize,
        x: &mut [f32],
        work: impl Fn(&mut [f32]) -> R + Sync,
    ) -> Vec<R> {
        let rows = x.len() / width;
        let together = self.rows_together(rows);
        if together >= rows {
            return vec![work(x)];
        }
        let pieces = |x: &mut [f32]| x.par_chunks_mut(together * width).map(&work).collect();
        self.pool.install(|| pieces(x))
    }

    /// Does `work` for all of `0..count`, in pieces.
    pub fn split(&self, count: usize, work: impl Fn(Range<usize>) + Sync) {
        let threads = self.count();
        if threads == 1 || count <= 1 {
            return work(0..count);
        }
        let pieces = count.min(threads * PIECES);
        let piece = |i: usize| i * count / pieces..(i + 1) * count / pieces;
        self.pool.install(|| {
            (0..pieces)
                .into_par_iter()
                .with_max_len(1)
                .for_each(|i| work(piece(i)));
        });
    }
}

/// Outputs that several threads write, each its own.
pub(super) struct Outputs<'a> {
    first: *mut f32,
    len: usize,
    _borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: whoever writes makes sure that nobody else writes the same outputs.
unsafe impl Sync for Outputs<'_> {}

impl<'a> Outputs<'a> {
    pub fn new(outputs: &'a mut [f32]) -> Self {
        Self {
            first: outputs.as_mut_ptr(),
            len: outputs.len(),
            _borrow: PhantomData,
        }
    }

    /// Writes outputs from index `at` on.
    ///
    /// # Safety
    ///
    /// No other thread writes or reads these.
    #[inline(always)]
    pub unsafe fn write(&self, at: usize, values: &[f32]) {
        assert!(at + values.len() <= self.len);
        // SAFETY: they lie within what is borrowed, and are this thread's.
        unsafe { core::ptr::copy_nonoverlapping(values.as_ptr(), self.first.add(at), values.len()) }
    }
}
