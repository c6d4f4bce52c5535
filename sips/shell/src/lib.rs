//! Where a person types commands.
//!
//! The shell holds one endpoint to each service that it uses. A command takes an endpoint out of [`Services`], goes
//! through the steps of its contract, and puts it back in the start state; when a service has ended, the next command
//! gets a channel to its successor.
//!
//! When the boot archive has a file `boot/exec`, the first shell runs the commands in it and ends the system; otherwise it
//! reads lines from the terminal. A shell that was started with an argument runs that.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use core::fmt::Write;

use alloc::string::String;
use contracts::Closed;
use contracts::spec::archive::Archive;
use contracts::spec::count::Count;
use contracts::spec::digest::Digest;
use contracts::spec::directory::Directory;
use contracts::spec::ping::Pinger;
use contracts::spec::supervisor::Supervisor;
use contracts::spec::system::{Outcome, System};
use rt::reconnect::Reconnecting;
use rt::terminal::{Interrupt, Terminal};

mod commands;
mod editor;
mod failure;
mod keys;
mod table;
mod words;

use commands::Jobs;
use editor::{Editor, Input, LINE_LIMIT};
use failure::{Failure, Shown};

/// The file whose commands are run instead of reading lines.
const SCRIPT: &str = "boot/exec";

const PROMPT: &str = "entente> ";

/// The services that the shell uses, beside its terminal.
#[derive(Debug)]
pub struct Services {
    /// Which services there are.
    pub directory: Reconnecting<Directory>,
    /// Files.
    pub archive: Reconnecting<Archive>,
    /// For `wc`.
    pub count: Reconnecting<Count>,
    /// For `sha256`.
    pub digest: Reconnecting<Digest>,
    /// For `ping`.
    pub ping: Reconnecting<Pinger>,
    /// Who starts processes again.
    pub supervisor: Reconnecting<Supervisor>,
    /// The kernel.
    pub system: Reconnecting<System>,
}

/// The shell.
pub struct Shell {
    terminal: Terminal,
    services: Services,
    editor: Editor,
    jobs: Jobs,
    audience: Audience,
}

/// Whether somebody sits at the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audience {
    /// Somebody types the commands.
    Person,
    /// The commands come from a file, or from whoever started the shell.
    Nobody,
}

/// What a line of commands leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The next line. The outcome is that of all commands of this line.
    Continue(Outcome),
    /// No further line: the system is to end.
    Shutdown(Outcome),
}

/// A command failed, and was said to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed;

impl core::fmt::Display for Failed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("a command failed, or the terminal is gone")
    }
}

impl Shell {
    /// A shell on this terminal.
    pub fn new(terminal: Terminal, services: Services) -> Self {
        let (editor, jobs) = (Editor::default(), Jobs::default());
        Shell { terminal, services, editor, jobs, audience: Audience::Nobody }
    }

    /// Runs `argument` as a line, if there is one; otherwise the script, or what is typed, until the system ends.
    ///
    /// # Errors
    /// [`Failed`] if a command of the argument failed, or the terminal is gone.
    pub fn run(mut self, argument: &str) -> Result<(), Failed> {
        if !argument.is_empty() {
            return match self.run_line(argument) {
                Next::Continue(Outcome::Success) => Ok(()),
                Next::Continue(Outcome::Failure) => Err(Failed),
                Next::Shutdown(outcome) => self.shut_down(outcome),
            };
        }
        let script = match self.read_text(SCRIPT) {
            // The script starts this shell: it is for the first one.
            Ok(_) if self.is_second() => None,
            Ok(script) => Some(script),
            Err(Failure::NoSuchFile(_)) => None,
            Err(failure) => {
                self.say(format_args!("shell: {failure}"));
                return self.shut_down(Outcome::Failure);
            }
        };
        let Some(script) = script else {
            self.say(format_args!("Entente {}. 'help' lists the commands.", env!("CARGO_PKG_VERSION")));
            return self.read_lines().map_err(|Closed| Failed);
        };
        let (Next::Continue(outcome) | Next::Shutdown(outcome)) = self.run_line(&script);
        self.shut_down(outcome)
    }

    fn read_lines(&mut self) -> Result<(), Closed> {
        self.audience = Audience::Person;
        loop {
            self.report_jobs();
            let input = loop {
                if let Some(input) = self.editor.advance(PROMPT, &mut self.terminal) {
                    break input;
                }
                let keys = self.terminal.read()?;
                self.editor.give(keys);
            };
            match input {
                Input::Line(line) => {
                    if let Next::Shutdown(outcome) = self.run_line(&line) {
                        // If it comes back there was nobody to end the system.
                        let _ = self.shut_down(outcome);
                    }
                }
                Input::TooLong => self.say(format_args!(
                    "shell: the line is longer than {LINE_LIMIT} characters and was thrown away"
                )),
                Input::Abandoned => {}
                Input::End if self.is_second() => return Ok(()),
                // There is nobody to go back to. Standard input that ends comes as this key, too.
                Input::End => {
                    self.say(format_args!("shutdown"));
                    let _ = self.shut_down(Outcome::Success);
                }
            }
        }
    }

    /// Runs commands, one after the other; a Ctrl-C ends them all.
    fn run_line(&mut self, text: &str) -> Next {
        let commands = match words::commands(text) {
            Ok(commands) => commands,
            Err(error) => {
                self.say(format_args!("shell: {error}"));
                return Next::Continue(Outcome::Failure);
            }
        };
        let mut outcome = Outcome::Success;
        for command in commands {
            let Some((name, operands)) = command.split_first() else { continue };
            if name == "shutdown" && operands.is_empty() {
                return Next::Shutdown(outcome);
            }
            // A process that the command starts may print by itself, after all that was printed before.
            let _ = self.terminal.flush();
            if let Err(failure) = self.command(name, operands) {
                outcome = Outcome::Failure;
                match failure {
                    Failure::Unknown => self.say(format_args!(
                        "shell: unknown command '{}'; 'help' lists the commands",
                        Shown(name)
                    )),
                    _ => self.say(format_args!("{}: {failure}", Shown(name))),
                }
                if failure.is_interrupt() {
                    break;
                }
            }
        }
        Next::Continue(outcome)
    }

    /// Ends the system. Comes back only if that cannot be.
    fn shut_down(&mut self, outcome: Outcome) -> Result<(), Failed> {
        // What was printed should be seen; and a system whose console is gone ends as well.
        let _ = self.terminal.flush();
        match self.services.system.take() {
            Ok(system) => {
                system.shutdown(outcome);
                // This shell must not end before the system does.
                while self.terminal.read().is_ok() {}
            }
            Err(unavailable) => self.say(format_args!("shutdown: {unavailable}")),
        }
        Err(Failed)
    }

    /// Prints a line.
    fn say(&mut self, line: core::fmt::Arguments<'_>) {
        // The terminal remembers if it is gone; who reads from it next is told.
        let _ = writeln!(self.terminal, "{line}");
    }

    /// Fails if Ctrl-C was pressed.
    fn check_interrupt(&mut self) -> Result<(), Failure> {
        let pressed = self.terminal.poll().map_err(|Closed| Failure::NoConsole)?;
        if self.editor.take_ctrl_c() || pressed == Interrupt::Pressed {
            return Err(Failure::Interrupted);
        }
        Ok(())
    }

    /// A whole file as text.
    fn read_text(&mut self, name: &str) -> Result<String, Failure> {
        let file = self.read_whole(name)?;
        let text = core::str::from_utf8(&file);
        text.map(String::from)
            .map_err(|error| Failure::About(name.into(), alloc::format!("not UTF-8: {error}")))
    }
}

#[cfg(test)]
mod tests;
