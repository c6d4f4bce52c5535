//! The shell with the real services on threads; the tests play the kernel and the person at the terminal.

extern crate std;

use std::format;
use std::string::{String, ToString};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;
use std::vec::Vec;

use contracts::spec::console::Console;
use contracts::spec::console::console;
use contracts::spec::directory::directory::ServerReady as Asked;
use contracts::spec::ping::PingPong;
use contracts::spec::serial::serial_input::ServerIdle as SerialRead;
use contracts::spec::serial::serial_output::ServerIdle as SerialWrite;
use contracts::spec::serial::{SerialInput, SerialOutput};
use contracts::spec::system::system::ServerReady as Request;
use contracts::spec::system::{BlockTotals, Exit};
use contracts::{Contract, Either, EndpointSet, ExBox, Text};
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

/// A shell on a boot archive with these files.
fn boot(files: &[(&str, &[u8])]) -> Bench {
    let image = ExBox::copy_of(&tar(files)).expect("memory");
    let (archive, archive_end) = Archive::channel().expect("memory");
    let (count, count_end) = Count::channel().expect("memory");
    let (digest, digest_end) = Digest::channel().expect("memory");
    let (ping, ping_end) = Pinger::channel().expect("memory");
    let (pong, pong_end) = PingPong::channel().expect("memory");
    let (system, system_end) = System::channel().expect("memory");
    let (directory, directory_end) = contracts::spec::directory::Directory::channel().expect("memory");
    let (console, console_end) = Console::channel().expect("memory");
    std::thread::spawn(move || {
        ::archive::serve(set(Either::This(archive_end)), &::archive::Files::parse(image))
    });
    std::thread::spawn(move || ::count::serve(set(count_end)));
    std::thread::spawn(move || ::digest::serve(set(digest_end)));
    std::thread::spawn(move || ::pong::serve(set(pong_end)));
    std::thread::spawn(move || {
        let start = std::time::Instant::now();
        ::ping::serve(set(ping_end), pong, || ::ping::Instant { time: start.elapsed(), ticks: 0 })
    });
    std::thread::spawn(move || know_nobody(directory_end));
    let (end, ended) = mpsc::channel();
    std::thread::spawn(move || play_system(system_end, &end));
    let (printed, keyboard) = play_terminal(console_end);
    std::thread::spawn(move || {
        let terminal = Terminal::new(console).expect("memory");
        Shell::new(terminal, Services::new(directory, archive, count, digest, ping, system)).run("")
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

/// A console, the screen and the keyboard.
fn play_terminal(server: console::Server<console::Ready>) -> (Receiver<Vec<u8>>, Sender<Vec<u8>>) {
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
    std::thread::spawn(move || ::console::serve(set(Either::This(server)), input, output, |_| {}));
    (printed, keyboard)
}

fn know_nobody(mut server: directory::Server<directory::Ready>) {
    while let Ok(Asked::Lookup { next, .. }) = server.receive() {
        server = next.unknown();
    }
}

/// The kernel: every image runs and panics, with its argument as the message.
fn play_system(mut server: system::Server<system::Ready>, end: &Sender<Outcome>) {
    while let Ok(request) = server.receive() {
        server = match request {
            Request::Uptime { next } => next.time(3_723_004_000_000),
            Request::Log { next } => next.log_text(ExBox::copy_of(b"boot\n").expect("memory")),
            Request::Processes { next } => next.process_list(ExBox::copy_of(&[]).expect("memory")),
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
            Request::Kill { next, .. } => next.no_such_process(),
            Request::Faults { next } => next.fault_list(ExBox::copy_of(&[]).expect("memory")),
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

#[test]
fn a_service_that_ended_is_named_and_the_shell_goes_on() {
    let (archive, archive_end) = Archive::channel().expect("memory");
    drop(archive_end);
    let (client, server) = contracts::spec::directory::Directory::channel().expect("memory");
    std::thread::spawn(move || know_nobody(server));
    let mut peer = Peer::<Archive>::new("archive", archive);
    let absent = peer.take(&mut Directory::new(client)).expect_err("nobody serves");
    assert_eq!(absent.to_string(), "the service 'archive' is not running");
}
