//! What a process gives up before it looks at any file: memory without end, life without its
//! parent, and a standard output that anything could write to.

use super::ChildLimits;
use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, FromRawFd},
};

/// Confines this process; gives what was its standard output. What is printed goes to the standard
/// error from now on, so that nothing but frames reaches the parent.
pub fn enter(limits: &ChildLimits) -> io::Result<File> {
    die_with_parent()?;
    limit_memory(limits.memory_mib)?;
    set_environment(limits.threads);
    take_output()
}

/// The kernel looks at the thread that started this process: the parent keeps it for as long.
#[cfg(target_os = "linux")]
fn die_with_parent() -> io::Result<()> {
    // SAFETY: it takes a number and touches no memory.
    let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    check(result)
}

/// Elsewhere, the end of the standard input has to do.
#[cfg(not(target_os = "linux"))]
fn die_with_parent() -> io::Result<()> {
    Ok(())
}

/// Bounds the address space. The allocator keeps few heaps, since it reserves room for each.
fn limit_memory(mib: u64) -> io::Result<()> {
    let bytes = mib.saturating_mul(1 << 20) as libc::rlim_t;
    let limit = libc::rlimit {
        rlim_cur: bytes,
        rlim_max: bytes,
    };
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it takes numbers, and there is no other thread yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
    }
    // SAFETY: it reads `limit`, which lives until it returns.
    check(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) })
}

/// Candle takes its number of threads, and switches that change results, from the environment.
fn set_environment(threads: usize) {
    let strange = |name: &str| name.starts_with("CANDLE_") || name.starts_with("MISTRALRS_");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(strange) {
            std::env::remove_var(name);
        }
    }
    std::env::set_var("RAYON_NUM_THREADS", threads.max(1).to_string());
}

fn take_output() -> io::Result<File> {
    let (output, error) = (io::stdout().as_raw_fd(), io::stderr().as_raw_fd());
    // SAFETY: it takes a number and touches no memory.
    let kept = unsafe { libc::fcntl(output, libc::F_DUPFD_CLOEXEC, 3) };
    check(kept)?;
    // SAFETY: as above.
    check(unsafe { libc::dup2(error, output) })?;
    // SAFETY: the descriptor is open, and nobody else has it.
    Ok(unsafe { File::from_raw_fd(kept) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
