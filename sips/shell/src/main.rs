//! The process `shell`: where a person types commands.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use contracts::Exhausted;
use contracts::spec::archive::Archive;
use contracts::spec::console::Console;
use contracts::spec::count::Count;
use contracts::spec::digest::Digest;
use contracts::spec::directory::Directory;
use contracts::spec::ping::Pinger;
use contracts::spec::supervisor::Supervisor;
use contracts::spec::system::System;
use rt::reconnect::Reconnecting;
use rt::terminal::Terminal;
use shell::{Failed, Services, Shell};

rt::manifest! {
    main: main,
    uses: {
        console: Console,
        archive: Archive,
        count: Count,
        digest: Digest,
        ping: Pinger,
        directory: Directory,
        supervisor: Supervisor,
        system: System,
    },
}

fn main(grants: Grants) -> Result<(), Failed> {
    let ports = grants.ports;
    let console = Reconnecting::over(ports.console, grants.console);
    let terminal = Terminal::over(console).map_err(|Exhausted| Failed)?;
    let services = Services {
        directory: Reconnecting::over(ports.directory, grants.directory),
        archive: Reconnecting::over(ports.archive, grants.archive),
        count: Reconnecting::over(ports.count, grants.count),
        digest: Reconnecting::over(ports.digest, grants.digest),
        ping: Reconnecting::over(ports.ping, grants.ping),
        supervisor: Reconnecting::over(ports.supervisor, grants.supervisor),
        system: Reconnecting::over(ports.system, grants.system),
    };
    Shell::new(terminal, services).run(grants.argument)
}
