//! The commands.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;
use core::str::FromStr;

use crate::failure::Failure;
use crate::{PROMPT, Shell};

mod faults;
mod files;
mod look;
mod start;
mod top;
mod tree;

pub(crate) use start::Jobs;

/// How each command is called, and what it does.
const HELP: &[(&str, &str)] = &[
    ("help", "list the commands"),
    ("ls", "list the files of the boot archive"),
    ("cat FILE", "print a file"),
    ("wc FILE", "count lines, words and bytes"),
    ("sha256 FILE", "print the SHA-256 sum of a file"),
    ("run NAME [ARGUMENT]", "start the process sips/NAME, or the file NAME, and wait for its end"),
    ("ping N", "measure N round trips between two processes"),
    ("ps", "list the processes"),
    ("top [ROUNDS]", "show each second how busy the processes are, until a key is pressed or ROUNDS times"),
    ("tree", "list the processes under those that started them"),
    ("kill ID", "end a process"),
    ("restart NAME", "end a process of the system and start it again"),
    ("faults", "list the last processes that ended badly"),
    ("fault N", "print the record of one of them"),
    ("channels", "list the channels"),
    ("blocks", "sum up the exchange heap by owner"),
    ("services", "list the services"),
    ("dmesg", "print the kernel's log"),
    ("uptime", "print the time since the start"),
    ("shutdown", "end the system, as does Ctrl-D"),
];

/// A number of at least 1, as an operand; `what` it is stands in the message.
fn number<T: FromStr + PartialOrd + From<u8>>(text: &str, what: &str) -> Result<T, Failure> {
    let number = text.parse().ok().filter(|number| *number >= T::from(1));
    number.ok_or_else(|| Failure::About(text.into(), format!("not {what}, which is 1 or more")))
}

impl Shell {
    /// Runs a command.
    pub(crate) fn command(&mut self, name: &str, operands: &[String]) -> Result<(), Failure> {
        match (name, operands) {
            ("help", []) => self.help(),
            ("ls", []) => self.ls(),
            ("cat", [file]) => self.cat(file),
            ("wc", [file]) => self.wc(file),
            ("sha256", [file]) => self.sha256(file),
            ("run", [file, argument @ ..]) => self.start(file, &argument.join(" ")),
            ("ping", [rounds]) => self.ping(rounds),
            ("ps", []) => self.ps(),
            ("top", []) => self.top(None),
            ("top", [rounds]) => self.top(Some(rounds)),
            ("tree", []) => self.tree(),
            ("kill", [process]) => self.kill(process),
            ("restart", [name]) => self.restart(name),
            ("faults", []) => self.faults(),
            ("fault", [number]) => self.fault(number),
            ("channels", []) => self.channels(),
            ("blocks", []) => self.blocks(),
            ("services", []) => self.services(),
            ("dmesg", []) => self.dmesg(),
            ("uptime", []) => self.uptime(),
            _ => match HELP.iter().find(|(usage, _)| usage.split(' ').next() == Some(name)) {
                Some((usage, _)) => Err(Failure::Usage(usage)),
                None => Err(Failure::Unknown),
            },
        }
    }

    fn help(&mut self) -> Result<(), Failure> {
        for (usage, effect) in HELP {
            self.say(format_args!("{usage:20} {effect}"));
        }
        let _ = writeln!(
            self.terminal,
            "\nA ';' separates commands; '...' and \"...\" keep spaces and ';' in one word.\n\
             Ctrl-C stops a command. The arrow keys edit the line behind '{}' and bring back earlier ones.",
            PROMPT.trim_end()
        );
        Ok(())
    }
}
