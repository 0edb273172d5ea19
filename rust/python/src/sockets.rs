//! A socket under its descriptor, lent for one call of the kernel.

use std::mem::ManuallyDrop;
use std::net::TcpStream;

#[cfg(unix)]
pub(crate) type Descriptor = std::os::fd::RawFd;
#[cfg(windows)]
pub(crate) type Descriptor = std::os::windows::io::RawSocket;

/// The socket of a descriptor, which stays open. An error of the kernel tells of one that is none.
pub(crate) fn borrowed(descriptor: Descriptor) -> ManuallyDrop<TcpStream> {
    #[cfg(unix)]
    use std::os::fd::FromRawFd;
    #[cfg(windows)]
    use std::os::windows::io::FromRawSocket;
    #[cfg(unix)]
    // SAFETY: it is never closed here. Whoever lends it keeps it open while it is a line's, and holds the interpreter.
    let stream = unsafe { TcpStream::from_raw_fd(descriptor) };
    #[cfg(windows)]
    // SAFETY: as above.
    let stream = unsafe { TcpStream::from_raw_socket(descriptor) };
    ManuallyDrop::new(stream)
}
