//! One run of a machine: on the terminal, as a filter, or under a test's control.

use crate::qemu::{Machine, Outcome, QEMU};
use crate::terminal::{Restore, Signals};
use anyhow::{Context, Result};
use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How often a run is looked at.
const POLL: Duration = Duration::from_millis(4);
/// Ctrl-D: what the guest's console gets when the input ends.
const END_OF_INPUT: u8 = 0x04;

/// QEMU as a child that does not outlive its handle.
struct Process(Child);

impl Process {
    fn start(machine: &Machine, chardev: &str, log: &Path, stdio: [Stdio; 3]) -> Result<Self> {
        let [stdin, stdout, stderr] = stdio;
        let mut command = machine.command(chardev, log);
        let child = command.stdin(stdin).stdout(stdout).stderr(stderr).spawn();
        Ok(Process(child.with_context(|| format!("cannot run {QEMU}"))?))
    }

    /// Waits until QEMU ends, the deadline passes or `stop` names another end.
    fn wait(&mut self, deadline: Option<Instant>, stop: impl Fn() -> Option<Outcome>) -> Result<Outcome> {
        loop {
            if let Some(status) = self.0.try_wait().context("cannot wait for QEMU")? {
                return Ok(Outcome::from_status(status));
            }
            let timed_out =
                deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| Outcome::TimedOut);
            if let Some(outcome) = stop().or(timed_out) {
                return Ok(outcome);
            }
            thread::sleep(POLL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only if QEMU has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs the machine with the user's terminal as its console. Ctrl-A x leaves QEMU; Ctrl-C goes to the guest.
///
/// # Errors
/// When QEMU cannot be started.
pub fn on_terminal(machine: &Machine, log: &Path, limit: Option<Duration>) -> Result<Outcome> {
    eprintln!("Ctrl-A x leaves QEMU");
    let signals = Signals::new();
    let _restore = Restore::new();
    let stdio = [Stdio::inherit(), Stdio::inherit(), Stdio::inherit()];
    let mut qemu = Process::start(machine, "stdio,id=console,mux=on,signal=off", log, stdio)?;
    qemu.wait(deadline(limit), || signals.last().map(Outcome::Interrupted))
}

/// Where a filter's input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// There is none.
    None,
    /// Standard input; when it ends the guest gets Ctrl-D.
    Stdin,
}

/// Runs the machine without a terminal: what the guest writes to its console, and nothing else, goes to standard
/// output byte by byte.
///
/// # Errors
/// When QEMU cannot be started.
pub fn as_filter(machine: &Machine, log: &Path, limit: Option<Duration>, input: Input) -> Result<Outcome> {
    let signals = Signals::new();
    let stdio = [Stdio::piped(), Stdio::piped(), Stdio::inherit()];
    let mut qemu = Process::start(machine, "stdio,id=console,signal=off", log, stdio)?;
    let mut output = qemu.0.stdout.take().context("QEMU's output is not a pipe")?;
    let mut to_guest = qemu.0.stdin.take();
    let reader_gone = Arc::new(AtomicBool::new(false));
    let gone = Arc::clone(&reader_gone);
    let copy = thread::spawn(move || {
        let mut stdout = io::stdout();
        let mut buffer = vec![0; 1 << 16];
        while let Ok(bytes @ 1..) = output.read(&mut buffer) {
            // The guest listens once it has spoken: input before that could be lost with its serial port's reset.
            if let (Input::Stdin, Some(to_guest)) = (input, to_guest.take()) {
                thread::spawn(move || feed(to_guest));
            }
            if let Err(error) = stdout.write_all(&buffer[..bytes]).and_then(|()| stdout.flush()) {
                if error.kind() != io::ErrorKind::BrokenPipe {
                    eprintln!("error: cannot write to standard output: {error}");
                }
                gone.store(true, Ordering::SeqCst);
                return;
            }
        }
    });
    let outcome = qemu.wait(deadline(limit), || {
        let reader_gone = reader_gone.load(Ordering::SeqCst).then_some(Outcome::Interrupted(SIGPIPE));
        signals.last().map(Outcome::Interrupted).or(reader_gone)
    })?;
    drop(qemu);
    let _ = copy.join();
    Ok(outcome)
}

/// What a writer to a closed pipe ends with.
const SIGPIPE: i32 = signal_hook::consts::SIGPIPE;

fn feed(mut to_guest: ChildStdin) {
    // An error means that the guest has ended, or that standard input is of no use: both end the input.
    let _ = io::copy(&mut io::stdin(), &mut to_guest);
    let _ = to_guest.write_all(&[END_OF_INPUT]).and_then(|()| to_guest.flush());
    // Closing QEMU's input would not tell the guest anything; the handle stays until the process ends.
    std::mem::forget(to_guest);
}

fn deadline(limit: Option<Duration>) -> Option<Instant> {
    limit.and_then(|limit| Instant::now().checked_add(limit))
}

/// A machine that runs under a test's control: its console is captured and typed to, its kernel log is captured apart.
/// Dropping it ends QEMU.
pub struct Guest {
    qemu: Process,
    input: Option<ChildStdin>,
    console: Arc<Captured>,
    /// How much of the console [`Guest::expect`] has gone past.
    seen: usize,
    log: PathBuf,
    _dir: tempfile::TempDir,
}

#[derive(Default)]
struct Captured {
    state: Mutex<Capture>,
    changed: Condvar,
}

#[derive(Default)]
struct Capture {
    bytes: Vec<u8>,
    closed: bool,
}

impl Captured {
    fn lock(&self) -> MutexGuard<'_, Capture> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self, mut from: impl Read) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(bytes @ 1..) = from.read(&mut buffer) {
            self.lock().bytes.extend_from_slice(&buffer[..bytes]);
            self.changed.notify_all();
        }
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

/// A run that is over.
#[derive(Clone, Debug)]
pub struct Finished {
    /// How it ended.
    pub outcome: Outcome,
    /// All that the guest wrote to its console.
    pub console: Vec<u8>,
    /// The kernel's log.
    pub log: String,
}

impl Finished {
    /// The console's output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.console).into_owned()
    }
}

/// Why the guest did not write what was expected.
#[derive(Debug)]
pub struct Unexpected {
    /// What was expected.
    pub expected: String,
    /// What it wrote instead, since the last match.
    pub got: String,
    /// The end of the kernel's log.
    pub log: String,
    /// Whether the guest had ended, or the time.
    pub ended: Ended,
}

/// What cut an expectation short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The guest went off.
    Guest,
    /// The time limit passed.
    Time,
}

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = match self.ended {
            Ended::Guest => "the guest ended",
            Ended::Time => "the time limit passed",
        };
        write!(
            f,
            "{why} before {:?} appeared; console: {:?}; kernel log:\n{}",
            self.expected, self.got, self.log
        )
    }
}

impl std::error::Error for Unexpected {}

impl Guest {
    /// Starts the machine.
    ///
    /// # Errors
    /// When QEMU cannot be started.
    pub fn start(machine: &Machine) -> Result<Self> {
        Self::start_in(machine, crate::system::scratch_dir()?)
    }

    /// Starts the machine; `dir`, which may hold its archive, goes away with the guest.
    pub(crate) fn start_in(machine: &Machine, dir: tempfile::TempDir) -> Result<Self> {
        let log = dir.path().join("kernel.log");
        let stdio = [Stdio::piped(), Stdio::piped(), Stdio::inherit()];
        let mut qemu = Process::start(machine, "stdio,id=console,signal=off", &log, stdio)?;
        let output = qemu.0.stdout.take().context("QEMU's output is not a pipe")?;
        let input = qemu.0.stdin.take();
        let console = Arc::new(Captured::default());
        let capture = Arc::clone(&console);
        thread::spawn(move || capture.fill(output));
        Ok(Guest { qemu, input, console, seen: 0, log, _dir: dir })
    }

    /// Types `bytes` at the console. Wait for the guest's first output ([`Guest::expect`]) before the first call.
    ///
    /// # Errors
    /// When the guest has ended.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(bytes)?;
        input.flush()
    }

    /// Waits until `text` appears on the console, after the last match, and returns what came up to its end.
    ///
    /// # Errors
    /// When the guest ends or the time passes first.
    pub fn expect(&mut self, text: &str, limit: Duration) -> Result<Vec<u8>, Unexpected> {
        let deadline = Instant::now() + limit;
        let needle = text.as_bytes();
        let mut state = self.console.lock();
        loop {
            let fresh = &state.bytes[self.seen..];
            if let Some(at) = fresh.windows(needle.len().max(1)).position(|window| window == needle) {
                let found = fresh[..at + needle.len()].to_vec();
                self.seen += found.len();
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let ended = match (state.closed, left.is_zero()) {
                (true, _) => Some(Ended::Guest),
                (false, true) => Some(Ended::Time),
                (false, false) => None,
            };
            if let Some(ended) = ended {
                let got = String::from_utf8_lossy(fresh).into_owned();
                return Err(Unexpected { expected: text.into(), got, log: tail(&self.log, 40), ended });
            }
            let waited = self.console.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// All that the guest has written to its console so far.
    pub fn console(&self) -> Vec<u8> {
        self.console.lock().bytes.clone()
    }

    /// The kernel's log so far.
    pub fn log(&self) -> String {
        read_log(&self.log)
    }

    /// QEMU's process id.
    pub fn process_id(&self) -> u32 {
        self.qemu.0.id()
    }

    /// Waits for the guest to end, at most `limit`, after which it is ended with [`Outcome::TimedOut`].
    ///
    /// # Errors
    /// When QEMU cannot be waited for.
    pub fn wait(mut self, limit: Duration) -> Result<Finished> {
        let outcome = self.qemu.wait(deadline(Some(limit)), || None)?;
        let _ = self.qemu.0.kill();
        let mut state = self.console.lock();
        while !state.closed {
            state = self.console.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let console = std::mem::take(&mut state.bytes);
        drop(state);
        Ok(Finished { outcome, console, log: self.log() })
    }
}

fn read_log(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

/// The last `lines` lines of the kernel log at `path`.
pub fn tail(path: &Path, lines: usize) -> String {
    let log = read_log(path);
    let all: Vec<&str> = log.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}
