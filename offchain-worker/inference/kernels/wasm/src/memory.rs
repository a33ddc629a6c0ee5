//! Memory for the steps: it grows, and is given back with the whole instance.

use core::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32::memory_grow,
    ptr,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

const PAGE: usize = 1 << 16;

/// Hands out pages that it has added itself, from `next` up to `end`: the caller of the steps adds some
/// too, and keeps its lists there.
struct Growing {
    next: AtomicUsize,
    end: AtomicUsize,
}

#[global_allocator]
static MEMORY: Growing = Growing {
    next: AtomicUsize::new(0),
    end: AtomicUsize::new(0),
};

impl Growing {
    /// Adds room for so many bytes; `None` if there is no more.
    fn grow(&self, bytes: usize) -> Option<()> {
        let pages = bytes.div_ceil(PAGE);
        let first = memory_grow(0, pages);
        if first == usize::MAX {
            return None;
        }
        self.next.store(first * PAGE, Relaxed);
        self.end.store((first + pages) * PAGE, Relaxed);
        Some(())
    }

    fn take(&self, layout: Layout) -> Option<usize> {
        let start = self.next.load(Relaxed).next_multiple_of(layout.align());
        let end = start.checked_add(layout.size())?;
        if end > self.end.load(Relaxed) {
            return None;
        }
        self.next.store(end, Relaxed);
        Some(start)
    }
}

// SAFETY: no two allocations overlap, since `next` only goes up, and each lies in added pages.
unsafe impl GlobalAlloc for Growing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let taken = self.take(layout).or_else(|| {
            self.grow(layout.size() + layout.align())?;
            self.take(layout)
        });
        taken.map_or(ptr::null_mut(), |at| at as *mut u8)
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}
