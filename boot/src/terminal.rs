//! The user's terminal: put back as it was, however a run ends.

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Remembers the state of standard input's terminal and restores it when dropped. QEMU restores it too, but not when
/// it is killed.
#[derive(Debug)]
pub struct Restore {
    termios: Option<Termios>,
    flags: Vec<OFlags>,
}

impl Restore {
    /// Remembers the state as it is.
    pub fn new() -> Self {
        let flags = [fcntl_getfl(std::io::stdin()), fcntl_getfl(std::io::stdout())];
        Restore { termios: tcgetattr(std::io::stdin()).ok(), flags: flags.into_iter().flatten().collect() }
    }
}

impl Default for Restore {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        let (stdin, stdout) = (std::io::stdin(), std::io::stdout());
        // Nothing useful can be done about a terminal that has gone away.
        for (fd, flags) in [stdin.as_fd(), stdout.as_fd()].into_iter().zip(&self.flags) {
            let _ = fcntl_setfl(fd, *flags);
        }
        if let Some(termios) = &self.termios {
            let _ = tcsetattr(stdin, OptionalActions::Now, termios);
        }
    }
}

/// Whether both ends of the conversation, standard input and output, are a terminal.
pub fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal()
}

/// Notes SIGINT, SIGTERM, SIGHUP and SIGQUIT instead of dying from them, while it exists.
#[derive(Debug)]
pub struct Signals {
    last: Arc<AtomicUsize>,
    ids: Vec<signal_hook::SigId>,
}

impl Signals {
    /// Starts noting.
    pub fn new() -> Self {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
        let last = Arc::new(AtomicUsize::new(0));
        let register = |signal| {
            let number = usize::try_from(signal).unwrap_or(0);
            signal_hook::flag::register_usize(signal, Arc::clone(&last), number)
        };
        let ids = [SIGINT, SIGTERM, SIGHUP, SIGQUIT].into_iter().flat_map(register).collect();
        Signals { last, ids }
    }

    /// The signal that arrived last, if one did.
    pub fn last(&self) -> Option<i32> {
        i32::try_from(self.last.load(Ordering::SeqCst)).ok().filter(|signal| *signal != 0)
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.ids.drain(..) {
            signal_hook::low_level::unregister(id);
        }
    }
}
