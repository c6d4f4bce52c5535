//! Other ways to boot, and a kernel that is at fault itself.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use boot::qemu::{Machine, Medium, Outcome};
use boot::run::{Finished, Guest};
use boot::system::{System, scratch_dir};
use boot::wiring;
use boot::{gdb, iso, setup};
use tests::whole_system;

const LIMIT: Duration = Duration::from_secs(120);

/// Boots `system` from an ISO image.
fn run_from_iso(system: &System, firmware: Option<PathBuf>) -> Finished {
    let dir = scratch_dir().expect("a folder for the image");
    let image = dir.path().join("entente.iso");
    iso::write(system, &image).expect("the image can be written");
    let machine = Machine::new(Medium::Iso { image, firmware });
    Guest::start(&machine).expect("QEMU starts").wait(LIMIT).expect("the machine runs")
}

#[test]
fn an_iso_image_boots_under_bios() {
    let run = run_from_iso(&whole_system().exec("ping 3; run hello bios"), None);
    assert_eq!(run.outcome, Outcome::Success, "{}\n{}", run.text(), run.log);
    assert!(run.text().contains("Hello, bios!"), "{}", run.text());
}

#[test]
fn an_iso_image_boots_under_uefi() {
    let firmware = setup::ensure_firmware().expect("there is firmware");
    let run = run_from_iso(&whole_system().exec("ping 3; run hello uefi"), Some(firmware));
    assert_eq!(run.outcome, Outcome::Success, "{}\n{}", run.text(), run.log);
    assert!(run.text().contains("Hello, uefi!"), "{}", run.text());
}

/// Sends a command to QEMU's monitor.
fn tell(monitor: &mut BufReader<UnixStream>, command: &str) {
    writeln!(monitor.get_mut(), "{command}").expect("QEMU listens");
}

/// Waits for the monitor's answer.
fn answer(monitor: &mut BufReader<UnixStream>) -> String {
    let mut answer = String::new();
    while !answer.contains("\"return\"") {
        answer.clear();
        assert_ne!(monitor.read_line(&mut answer).expect("QEMU answers"), 0, "QEMU hung up");
        assert!(!answer.contains("\"error\""), "{answer}");
    }
    answer
}

/// The whole system at its prompt, and QEMU's monitor.
fn monitored() -> (Guest, BufReader<UnixStream>) {
    let dir = scratch_dir().expect("a folder for the socket");
    let socket = dir.path().join("monitor");
    let mut system = whole_system();
    let option = format!("unix:{},server=on,wait=off", socket.display());
    system.machine.extra.extend(["-qmp".into(), option.into()]);
    let mut guest = system.start().expect("QEMU starts");
    guest.expect("entente> ", LIMIT).expect("the shell is there");
    let mut monitor = BufReader::new(UnixStream::connect(&socket).expect("QEMU's monitor is there"));
    tell(&mut monitor, "{\"execute\": \"qmp_capabilities\"}");
    answer(&mut monitor);
    (guest, monitor)
}

#[test]
fn a_core_that_has_nothing_to_do_halts() {
    const LOOKS: usize = 40;
    let (mut guest, mut monitor) = monitored();
    let mut look = || {
        std::thread::sleep(Duration::from_millis(10));
        let registers = "\"human-monitor-command\", \"arguments\": {\"command-line\": \"info registers\"}";
        tell(&mut monitor, &format!("{{\"execute\": {registers}}}"));
        answer(&mut monitor).contains("HLT=1")
    };
    let halted = (0..LOOKS).filter(|_| look()).count();
    // It wakes for each tick, and halts again.
    assert!(halted * 2 > LOOKS, "{halted} of {LOOKS} times");
    guest.send(b"shutdown\n").expect("the terminal is there");
    let run = guest.wait(LIMIT).expect("the machine ends");
    assert_eq!(run.outcome, Outcome::Success, "{}", run.log);
}

#[test]
fn a_kernel_at_fault_says_so_with_a_symbolised_backtrace_on_the_terminal_too() {
    let (guest, mut monitor) = monitored();
    // A non-maskable interrupt is nobody's doing, so the kernel takes it as its own fault. It comes
    // when the prompt is out: the system idles, or is about to, in the kernel.
    std::thread::sleep(Duration::from_millis(300));
    // The machine may be gone before the monitor answers.
    tell(&mut monitor, "{\"execute\": \"inject-nmi\"}");
    let run = guest.wait(LIMIT).expect("the machine ends");
    assert_eq!(run.outcome, Outcome::Panic, "{}", run.log);
    for text in [run.text(), run.log] {
        assert!(text.contains("non-maskable interrupt"), "the fault is named: {text}");
        assert!(text.contains(" kernel::"), "functions are named: {text}");
    }
}

#[test]
fn each_process_lies_where_the_debugger_is_told() {
    let run = whole_system().exec("uptime").run(LIMIT).expect("the machine runs");
    let starts = run.log.lines().filter_map(|line| line.split_once(" starts at 0x"));
    let places: Vec<u64> = starts.map(|(_, at)| u64::from_str_radix(at, 16).expect("an address")).collect();
    let told: Vec<u64> = (0..places.len() as u64).map(gdb::load_address).collect();
    assert_eq!(places, told, "{}", run.log);
    assert_eq!(places.len(), wiring::started().count());
}

#[test]
fn the_time_from_the_start_of_qemu_to_the_prompt_is_reported() {
    let start = Instant::now();
    let mut guest = whole_system().start().expect("QEMU starts");
    guest.expect("entente> ", LIMIT).expect("the shell is there");
    println!("from the start of QEMU to the prompt: {} ms", start.elapsed().as_millis());
}
