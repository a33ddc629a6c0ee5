//! Which instructions a kernel runs on.

#[cfg(target_arch = "aarch64")]
use super::lanes::Neon;
#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2, Avx512};
use super::lanes::{Lanes, Scalar};

/// A set of instructions that kernels can run on. All give the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionSet {
    /// What every machine has.
    Scalar,
    /// AVX2, FMA and F16C.
    Avx2,
    /// AVX-512 F, BW and VNNI.
    Avx512,
    /// NEON with dot products.
    Neon,
}

impl InstructionSet {
    /// All, slowest first.
    pub const ALL: [Self; 4] = [Self::Scalar, Self::Neon, Self::Avx2, Self::Avx512];

    /// The fastest of this machine.
    pub fn best() -> Self {
        let mut fastest_first = Self::ALL.into_iter().rev();
        let best = fastest_first.find(|set| set.is_available());
        best.unwrap_or(Self::Scalar)
    }

    /// Whether this machine has it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vnni")
                    && Self::Avx2.is_available()
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("dotprod"),
            _ => false,
        }
    }

    /// Runs a kernel.
    ///
    /// # Panics
    ///
    /// If the machine does not have this set.
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        assert!(self.is_available(), "this machine has no {self:?}");
        // SAFETY: the machine has these instructions.
        unsafe {
            match self {
                #[cfg(target_arch = "x86_64")]
                Self::Avx2 => avx2(kernel),
                #[cfg(target_arch = "x86_64")]
                Self::Avx512 => avx512(kernel),
                #[cfg(target_arch = "aarch64")]
                Self::Neon => neon(kernel),
                _ => kernel.run::<Scalar>(),
            }
        }
    }
}

/// A computation that is written over [`Lanes`]. `run` and all that it calls are to be inlined, so that
/// they are compiled for the set's instructions.
pub(super) trait Kernel {
    /// What it gives.
    type Output;
    /// Does it.
    ///
    /// # Safety
    ///
    /// The machine has the instructions of `L`.
    unsafe fn run<L: Lanes>(self) -> Self::Output;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn avx2<K: Kernel>(kernel: K) -> K::Output {
    unsafe { kernel.run::<Avx2>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512vnni")]
unsafe fn avx512<K: Kernel>(kernel: K) -> K::Output {
    unsafe { kernel.run::<Avx512>() }
}

#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon,dotprod")]
unsafe fn neon<K: Kernel>(kernel: K) -> K::Output {
    unsafe { kernel.run::<Neon>() }
}
