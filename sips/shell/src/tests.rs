//! The shell with the real services on threads; the tests play the kernel and the person at the terminal.

extern crate std;

use std::format;
use std::string::String;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;
use std::vec::Vec;

use contracts::spec::archive::archive;
use contracts::spec::console::Console;
use contracts::spec::directory::directory::{self, ServerReady as Asked};
use contracts::spec::ping::PingPong;
use contracts::spec::serial::serial_input::ServerIdle as SerialRead;
use contracts::spec::serial::serial_output::ServerIdle as SerialWrite;
use contracts::spec::serial::{SerialInput, SerialOutput};
use contracts::spec::supervisor::{Condition, WatchedProcess, supervisor};
use contracts::spec::system::system::{self, ServerReady as Request};
use contracts::spec::system::{BlockTotals, Exit, FaultInfo, Placement, ProcessInfo, ProcessState};
use contracts::{Contract, Either, EndpointSet, ExBox, Name, Text};
use sha2::Digest as _;

use super::*;

/// What a run leaves behind.
struct Bench {
    printed: Receiver<Vec<u8>>,
    keyboard: Sender<Vec<u8>>,
    ended: Receiver<Outcome>,
}

fn set<M: contracts::Member + 'static, D: Default>(member: M) -> EndpointSet<M, D> {
    let mut set = EndpointSet::new().expect("memory");
    set.insert(member, D::default());
    set
}

/// A client of an archive with these files.
fn archive_of(files: &[(&str, &[u8])]) -> archive::Client<archive::Ready> {
    let image = ExBox::copy_of(&tar(files)).expect("memory");
    let (client, server) = Archive::channel().expect("memory");
    std::thread::spawn(move || ::archive::serve(set(Either::This(server)), &::archive::Files::parse(image)));
    client
}

/// A shell on a boot archive with these files.
fn boot(files: &[(&str, &[u8])]) -> Bench {
    boot_over(Reconnecting::once("archive", archive_of(files)))
}

fn boot_over(archive: Reconnecting<Archive>) -> Bench {
    let (count, count_end) = Count::channel().expect("memory");
    let (digest, digest_end) = Digest::channel().expect("memory");
    let (ping, ping_end) = Pinger::channel().expect("memory");
    let (pong, pong_end) = PingPong::channel().expect("memory");
    let (system, system_end) = System::channel().expect("memory");
    let (directory, directory_end) = Directory::channel().expect("memory");
    let (supervisor, supervisor_end) = Supervisor::channel().expect("memory");
    std::thread::spawn(move || ::count::serve(set(count_end)));
    std::thread::spawn(move || ::digest::serve(set(digest_end)));
    std::thread::spawn(move || ::pong::serve(set(pong_end)));
    std::thread::spawn(move || {
        let start = std::time::Instant::now();
        let pong = Reconnecting::once("pong", pong);
        ::ping::serve(set(ping_end), pong, || ::ping::Instant { time: start.elapsed(), ticks: 0 })
    });
    std::thread::spawn(move || know_nobody(directory_end));
    std::thread::spawn(move || play_supervisor(supervisor_end));
    let (end, ended) = mpsc::channel();
    std::thread::spawn(move || play_system(system_end, &end));
    let (console, printed, keyboard) = play_terminal();
    std::thread::spawn(move || {
        let terminal = Terminal::over(console).expect("memory");
        let services = Services {
            directory: Reconnecting::once("directory", directory),
            archive,
            count: Reconnecting::once("count", count),
            digest: Reconnecting::once("digest", digest),
            ping: Reconnecting::once("ping", ping),
            supervisor: Reconnecting::once("supervisor", supervisor),
            system: Reconnecting::once("system", system),
        };
        Shell::new(terminal, services).run("")
    });
    Bench { printed, keyboard, ended }
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, *content).expect("a name that fits");
    }
    builder.into_inner().expect("written to memory")
}

/// A console with a few channels to it, the screen and the keyboard.
fn play_terminal() -> (Reconnecting<Console>, Receiver<Vec<u8>>, Sender<Vec<u8>>) {
    let channels = (0..5).map(|_| Console::channel().expect("memory"));
    let (mut clients, servers): (Vec<_>, Vec<_>) = channels.unzip();
    let first = clients.remove(0);
    let console = Reconnecting::new("console", first, move || clients.pop());
    let (input, mut keys_to) = SerialInput::channel().expect("memory");
    let (output, mut screen) = SerialOutput::channel().expect("memory");
    let (print, printed) = mpsc::channel();
    let (keyboard, keys) = mpsc::channel::<Vec<u8>>();
    std::thread::spawn(move || {
        for keys in keys {
            for keys in keys.chunks(64) {
                let Ok(SerialRead::Read { mut buffer, next }) = keys_to.receive() else { return };
                buffer[..keys.len()].copy_from_slice(keys);
                keys_to = next.data(buffer, keys.len() as u64);
            }
        }
        std::thread::park();
    });
    std::thread::spawn(move || {
        while let Ok(SerialWrite::Write { block, length, next }) = screen.receive() {
            // Nobody looks any more: the test is over.
            let _ = print.send(block[..length as usize].to_vec());
            screen = next.written(block);
        }
    });
    std::thread::spawn(move || {
        let mut members = EndpointSet::new().expect("memory");
        servers.into_iter().for_each(|server| members.insert(Either::This(server), ()));
        ::console::serve(members, input, output, |_| {})
    });
    (console, printed, keyboard)
}

fn know_nobody(mut server: directory::Server<directory::Ready>) {
    while let Ok(Asked::Lookup { next, .. }) = server.receive() {
        server = next.unknown();
    }
}

/// A supervisor of one process, which it can start again.
fn play_supervisor(mut server: supervisor::Server<supervisor::Ready>) {
    while let Ok(request) = server.receive() {
        server = match request {
            supervisor::ServerReady::Restart { name, next } if name.as_str() == "part" => next.restarted(12),
            supervisor::ServerReady::Restart { next, .. } => {
                next.not_restarted(Text::truncated("it is not of the system"))
            }
            supervisor::ServerReady::Survey { next } => {
                let part = WatchedProcess {
                    sip: 0,
                    restarts: 4,
                    condition: Condition::GivenUp,
                    name: Name::truncated("part"),
                    reason: Text::truncated("panicked: oh"),
                };
                next.watched(ExBox::copy_of(&[part]).expect("memory"))
            }
            other => panic!("the shell does not ask that: {other:?}"),
        };
    }
}

/// Process 1 was busy for a fifth of the time between two looks that are a second apart, and sent a message.
fn look(looks: u64) -> ProcessInfo {
    ProcessInfo {
        id: 1,
        state: ProcessState::Waiting,
        priority: 10,
        placement: Placement::Kernel,
        threads: 1,
        parent: 0,
        ticks: 50 * looks,
        messages: looks,
        memory: 4096,
        shared: 0,
        blocks: 0,
        base: 0,
        name: Name::truncated("supervisor"),
    }
}

/// The kernel: every image runs and panics, with its argument as the message.
fn play_system(mut server: system::Server<system::Ready>, end: &Sender<Outcome>) {
    let mut looks = 0;
    while let Ok(request) = server.receive() {
        server = match request {
            Request::Uptime { next } => next.time(3_723_004_000_000),
            Request::Log { next } => next.log_text(ExBox::copy_of(b"boot\n").expect("memory")),
            Request::Processes { next } => {
                looks += 1;
                next.process_list(ExBox::copy_of(&[look(looks)]).expect("memory"))
            }
            Request::Channels { next } => next.channel_list(ExBox::copy_of(&[]).expect("memory")),
            Request::Blocks { next } => {
                let totals = BlockTotals {
                    blocks: 1,
                    bytes: 2,
                    mapped: 2049,
                    blocks_moved: 3,
                    bytes_moved: 4,
                    bytes_copied: 0,
                    hand_offs: 5,
                };
                next.block_sums(ExBox::copy_of(&[]).expect("memory"), totals)
            }
            Request::Start { name, image, next, .. } if image.starts_with(b"bad") => {
                next.refused(Text::truncated(&format!("{name}: not an ELF file")))
            }
            Request::Start { argument, ending, next, .. } => {
                let exit = if argument.is_empty() { Exit::Success } else { Exit::Panic };
                ending.ended(exit, Text::truncated(&argument), 0);
                next.started(7)
            }
            Request::StartBoot { next, .. } => next.refused(Text::truncated("nothing is kept")),
            Request::Wiring { next } => next.wiring_bytes(ExBox::copy_of(&[]).expect("memory")),
            Request::Kill { sip: 1, next } => next.killed(),
            Request::Kill { next, .. } => next.no_such_process(),
            Request::Faults { next } => {
                let fault = FaultInfo {
                    number: 3,
                    sip: 7,
                    at: 1_234_567_890,
                    exit: Exit::Panic,
                    name: Name::truncated("count"),
                    message: Text::truncated("two\nlines"),
                };
                next.fault_list(ExBox::copy_of(&[fault]).expect("memory"))
            }
            Request::Fault { number: 3, next } => {
                next.fault_text(ExBox::copy_of(b"all of it\n").expect("memory"))
            }
            Request::Fault { next, .. } => next.no_such_fault(),
            Request::Shutdown { outcome } => {
                end.send(outcome).expect("the test waits");
                return;
            }
        };
    }
}

/// What a script prints, and how it ends.
fn script(files: &[(&str, &[u8])], script: &str) -> (String, Outcome) {
    let bench = boot(&[files, &[("boot/exec", script.as_bytes())]].concat());
    let outcome = bench.ended.recv_timeout(Duration::from_secs(60)).expect("the script ends");
    let printed: Vec<u8> = bench.printed.try_iter().flatten().collect();
    (String::from_utf8_lossy(&printed).into_owned(), outcome)
}

impl Bench {
    fn types(&self, keys: impl AsRef<[u8]>) {
        self.keyboard.send(keys.as_ref().to_vec()).expect("a keyboard");
    }

    /// What is printed until `text` is.
    fn until(&self, text: &str) -> String {
        let mut printed = String::new();
        while !printed.contains(text) {
            let more = self.printed.recv_timeout(Duration::from_secs(60));
            printed.push_str(&String::from_utf8_lossy(
                &more.unwrap_or_else(|_| panic!("no {text:?} in {printed:?}")),
            ));
        }
        printed
    }
}

#[test]
fn a_script_prints_what_wc_and_sha256sum_print_and_nothing_else() {
    let big: Vec<u8> =
        (0..1u32 << 18).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 7).to_le_bytes()).collect();
    let files: [(&str, &[u8]); 4] =
        [("empty", b""), ("text", b"one two\nthree\n"), ("big", &big), ("odd\\name", b"x")];
    // The columns are those of `wc` of GNU coreutils 9.1.
    let (printed, outcome) =
        script(&files, "wc empty; wc text\nwc odd\\name; sha256 empty; sha256 odd\\name");
    assert_eq!(
        printed,
        "0 0 0 empty\n 2  3 14 text\n0 1 1 odd\\name\n\
         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty\n\
         \\2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881  odd\\\\name\n"
    );
    assert_eq!(outcome, Outcome::Success);
    let (printed, _) = script(&files, "sha256 big; cat text");
    let sum: String = sha2::Sha256::digest(&big).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(printed, format!("{sum}  big\none two\nthree\n"));
}

#[test]
fn a_script_succeeds_only_if_each_command_does() {
    for (text, printed, outcome) in [
        ("", "", Outcome::Success),
        ("ls; shutdown; nothing", "6 boot/exec\n", Outcome::Success),
        ("wc none; uptime", "wc: none: no such file\nup 1 h 2 min 3.004 s\n", Outcome::Failure),
        ("foo; shutdown", "shell: unknown command 'foo'; 'help' lists the commands\n", Outcome::Failure),
        ("wc", "wc: usage: wc FILE\n", Outcome::Failure),
        ("dmesg 'x", "shell: a quote ' is not closed\n", Outcome::Failure),
        ("ping x", "ping: x: not a number of round trips, which is 1 or more\n", Outcome::Failure),
    ] {
        let (found, ended) = script(&[], text);
        // The script is the only file; its size is its own.
        let printed = printed.replace("6 boot/exec", &format!("{} boot/exec", text.len()));
        assert_eq!((found, ended), (printed, outcome), "{text:?}");
    }
}

#[test]
fn run_says_how_the_process_ended() {
    let files: [(&str, &[u8]); 3] =
        [("sips/good", b"elf"), ("bad", b"bad"), ("good", b"bad: the image under sips/ is meant")];
    let (printed, outcome) = script(&files, "run good; run good 'of its' argument; run bad; run none");
    assert_eq!(
        printed,
        "run: good: panicked: of its argument\nrun: bad: not an ELF file\nrun: none: no such file\n"
    );
    assert_eq!(outcome, Outcome::Failure);
}

#[test]
fn processes_are_ended_and_started_again_and_their_faults_told() {
    for (text, printed, outcome) in [
        ("kill 1", "", Outcome::Success),
        ("kill 2", "kill: 2: no such process\n", Outcome::Failure),
        ("kill me", "kill: me: not the number of a process, which is 1 or more\n", Outcome::Failure),
        ("kill 0", "kill: 0: not the number of a process, which is 1 or more\n", Outcome::Failure),
        ("restart part", "part runs as 12\n", Outcome::Success),
        ("restart me", "restart: me: it is not of the system\n", Outcome::Failure),
        (
            "faults",
            "FAULT     TIME  PROCESS    WHAT\n    3  1.234 s  count (7)  panicked: two\\nlines\n",
            Outcome::Success,
        ),
        ("fault 3", "all of it\n", Outcome::Success),
        ("fault 2", "fault: 2: there is no record of such a fault\n", Outcome::Failure),
        (
            "tree",
            "ID  PROCESS     RESTARTS  STATE\n 1  supervisor\n -    part             4  given up: panicked: oh\n",
            Outcome::Success,
        ),
    ] {
        assert_eq!(script(&[], text), (printed.into(), outcome), "{text:?}");
    }
}

#[test]
fn top_shows_so_many_rounds_or_until_a_key_is_pressed() {
    let (printed, outcome) = script(&[], "top 2; top; top x");
    let rounds: Vec<&str> = printed.split("\n\n").collect();
    // The last is that of a script that does not say how many.
    assert_eq!(printed.matches("supervisor").count(), 3, "{printed}");
    assert_eq!(rounds.len(), 2, "{printed}");
    let words: Vec<&str> = rounds[0].lines().nth(1).expect("a row").split_whitespace().collect();
    // A second has passed or a little more.
    let cpu: f32 = words[1].parse().expect("a number");
    assert!(cpu > 0.0 && cpu <= 20.0, "{printed}");
    assert_eq!((words[0], words[2], words[4], words[5], words[8]), ("1", "%", "4", "KiB", "supervisor"));
    assert!(printed.ends_with("top: x: not a number of rounds, which is 1 or more\n"), "{printed}");
    assert_eq!(outcome, Outcome::Failure);
}

#[test]
fn a_key_ends_top_and_control_c_ends_its_rounds() {
    let bench = boot(&[]);
    bench.until(PROMPT);
    bench.types("top\r");
    bench.until("supervisor\n");
    bench.types("q");
    assert!(!bench.until(PROMPT).contains("top:"), "a key is a way to end it");
    bench.types("top 1000000\r");
    bench.until("supervisor\n");
    bench.types("\x03");
    assert!(bench.until(PROMPT).ends_with(&format!("top: interrupted\n{PROMPT}")));
}

#[test]
fn tables_and_logs_are_printed() {
    let (printed, outcome) = script(&[], "dmesg; blocks; ps; channels; ping 3");
    assert!(
        printed.starts_with("boot\nBLOCKS  BYTES  OWNER\n     1      2  total\nmapped for them: 3 KiB\n"),
        "{printed}"
    );
    assert!(printed.contains("\n3 round trips in "), "{printed}");
    assert_eq!(outcome, Outcome::Success);
}

#[test]
fn a_person_types_commands_and_sees_their_output() {
    let bench = boot(&[("text", b"hello\n")]);
    let banner = bench.until(PROMPT);
    assert!(banner.starts_with("Entente ") && banner.contains("'help'"), "{banner}");
    bench.types("cat text\r");
    assert_eq!(bench.until(PROMPT), format!("cat text\nhello\n{PROMPT}"));
    bench.types(format!("{}\rwc text\r", "x".repeat(10_000)));
    let long = bench.until("text\nentente> ");
    assert!(long.contains("shell: the line is longer than 1000 characters and was thrown away\n"), "{long}");
    bench.types(b"u\xffptime\r");
    let binary = bench.until(" s\nentente> ");
    assert_eq!(binary.matches("no text").count(), 1, "{binary}");
    bench.types("ls\x04\r");
    bench.until(PROMPT);
    bench.types("\x04");
    bench.until("shutdown\n");
    assert_eq!(bench.ended.recv_timeout(Duration::from_secs(60)), Ok(Outcome::Success));
}

#[test]
fn a_service_that_ended_is_named_and_the_next_command_uses_its_successor() {
    let (archive, first) = Archive::channel().expect("memory");
    // It ends over the second request.
    std::thread::spawn(move || {
        let Ok(archive::ServerReady::Open { next, .. }) = first.receive() else {
            panic!("boot/exec is looked for")
        };
        let _ = next.not_found().receive();
    });
    let mut next = [archive_of(&[("text", b"hello\n")])].into_iter();
    let archive = Reconnecting::new("archive", archive, move || next.next());
    let bench = boot_over(archive.patience(Duration::ZERO));
    bench.until(PROMPT);
    bench.types("cat text\r");
    assert!(bench.until(PROMPT).ends_with(&format!("cat: the service 'archive' has ended\n{PROMPT}")));
    bench.types("cat text\r");
    assert!(bench.until(PROMPT).ends_with(&format!("\nhello\n{PROMPT}")));
}

#[test]
fn a_service_that_nobody_starts_again_is_named() {
    let (archive, server) = Archive::channel().expect("memory");
    drop(server);
    let bench = boot_over(Reconnecting::once("archive", archive));
    bench.until("shell: the service 'archive' is not running\n");
    assert_eq!(bench.ended.recv_timeout(Duration::from_secs(60)), Ok(Outcome::Failure));
}

#[test]
fn control_c_stops_a_long_command_and_those_behind_it() {
    let bench = boot(&[("text", b"hello\n")]);
    bench.until(PROMPT);
    bench.types("ping 1000000000000; cat text\r");
    bench.until("\n");
    bench.types("\x03");
    assert_eq!(bench.until(PROMPT), format!("ping: interrupted\n{PROMPT}"));
    bench.types("wc text\r");
    assert!(bench.until(PROMPT).contains("1 1 6 text\n"));
}
