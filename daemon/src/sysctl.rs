//! Kernel settings of the calling thread's network namespace.

/// Writes a setting below /proc/sys unless it has that value; whether it was written.
///
/// # Errors
/// When it cannot be read or written.
pub fn write_if_different(path: &str, value: &str) -> std::io::Result<bool> {
    let path = format!("/proc/sys/{path}");
    if std::fs::read_to_string(&path)?.trim() == value {
        return Ok(false);
    }
    std::fs::write(path, value).map(|()| true)
}
