//! A run of blocks over a connected socket: what comes is given to the run, and what the run says is sent.
//!
//! Nothing but the run stands between two calls of the kernel. The kernel keeps the time, by the limits that the owner of the socket has
//! set; whatever has to be decided goes back to the owner.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use pyo3::exceptions::PyEOFError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::block_run::BlockRun;
use crate::sockets::Descriptor;

/// Octets taken at a time: the answers to a window of requests are shorter.
const PIECE: usize = 4096;

/// The socket under a descriptor of our own, so that ours stays what it is if somebody closes the other one.
fn socket_of(descriptor: Descriptor) -> io::Result<TcpStream> {
    #[cfg(unix)]
    if descriptor < 0 {
        return Err(ErrorKind::NotConnected.into());
    }
    #[cfg(unix)]
    // SAFETY: the caller keeps it open while this call lasts, and holds the interpreter.
    let ours = unsafe { std::os::fd::BorrowedFd::borrow_raw(descriptor) }.try_clone_to_owned()?;
    #[cfg(windows)]
    // SAFETY: as above.
    let ours = unsafe { std::os::windows::io::BorrowedSocket::borrow_raw(descriptor) }
        .try_clone_to_owned()?;
    Ok(ours.into())
}

/// What one turn has come to.
enum Turn {
    /// The kernel has taken no more than so many octets, and nothing was received.
    Sent(usize),
    /// So many octets have come; none where the peer has closed.
    Received(usize),
    /// Nothing has come in time.
    Silence,
    /// A signal has come first.
    Signal,
}

/// Sends all of `reply`, which may be nothing, and waits for what comes then.
fn turn(socket: &mut TcpStream, reply: &[u8], piece: &mut [u8]) -> io::Result<Turn> {
    if !reply.is_empty() {
        let sent = match socket.write(reply) {
            Err(error) if is_not_now(&error) => 0,
            sent => sent?,
        };
        if sent < reply.len() {
            return Ok(Turn::Sent(sent));
        }
    }
    match socket.read(piece) {
        Ok(length) => Ok(Turn::Received(length)),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(Turn::Signal),
        Err(error) if is_not_now(&error) => Ok(Turn::Silence),
        Err(error) => Err(error),
    }
}

fn is_not_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Carries a run on until it is over (`None`), or until its owner has to send something first, or to set a new time limit.
#[pyfunction]
pub(crate) fn converse<'py>(
    py: Python<'py>,
    run: &Bound<'py, BlockRun>,
    descriptor: Descriptor,
    now: f64,
) -> PyResult<Option<Bound<'py, PyBytes>>> {
    let began = Instant::now();
    let mut socket = socket_of(descriptor)?;
    let mut piece = [0; PIECE];
    let mut reply = Vec::new();
    loop {
        py.check_signals()?;
        let turned = py.detach(|| turn(&mut socket, &reply, &mut piece))?;
        let left = match turned {
            Turn::Sent(sent) => Some(PyBytes::new(py, &reply[sent..])),
            Turn::Silence => Some(PyBytes::new(py, &[])),
            Turn::Received(0) => {
                return Err(PyEOFError::new_err("the peer closed the connection"));
            }
            Turn::Received(_) | Turn::Signal => None,
        };
        BlockRun::give_room(core::mem::take(&mut reply));
        if left.is_some() {
            return Ok(left);
        }
        if let Turn::Received(length) = turned {
            let now = now + began.elapsed().as_secs_f64();
            let mut run = run.try_borrow_mut()?;
            if !run.goes_on(py, &mut piece[..length], now) {
                return Ok(None);
            }
            reply = run.take_reply();
            if reply.is_empty() {
                return Ok(Some(PyBytes::new(py, &[])));
            }
        }
    }
}
