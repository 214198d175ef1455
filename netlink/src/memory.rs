//! Memory that was freed, given back to the kernel.

/// Gives back what the allocator keeps of freed memory. For after something large was read and thrown
/// away: without it the process stays as large as it was then. Takes a few milliseconds.
#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "neither std nor nix asks the allocator for this")]
pub fn give_back() {
    // SAFETY: malloc_trim(3) takes a number of bytes to keep, and has no other conditions.
    unsafe { nix::libc::malloc_trim(0) };
}

/// Other allocators give it back by themselves.
#[cfg(not(target_env = "gnu"))]
pub fn give_back() {}
