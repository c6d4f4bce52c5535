extern crate std;

use std::string::String;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::vec::Vec;

use contracts::spec::console::Console;
use contracts::spec::console::console::{
    Client, ClientPolling, ClientReading, ClientWatching, ClientWriting,
};
use contracts::spec::serial::serial_input::ServerIdle as SerialRead;
use contracts::spec::serial::serial_output::ServerIdle as SerialWrite;
use contracts::spec::serial::{SerialInput, SerialOutput};
use contracts::{Contract, TryReceiveError};

use super::*;

/// A console with some clients, what is typed, what was printed, and what was logged.
struct Bench {
    clients: Vec<Client<Ready>>,
    typed: mpsc::Sender<Vec<u8>>,
    printed: Arc<Mutex<Vec<u8>>>,
    logged: Arc<Mutex<Vec<String>>>,
}

fn bench(clients: usize) -> Bench {
    let (clients, servers): (Vec<_>, Vec<_>) =
        (0..clients).map(|_| Console::channel().expect("memory")).unzip();
    let (input, mut keyboard) = SerialInput::channel().expect("memory");
    let (output, mut screen) = SerialOutput::channel().expect("memory");
    let (typed, keys) = mpsc::channel::<Vec<u8>>();
    let bench = Bench { clients, typed, printed: Arc::default(), logged: Arc::default() };
    std::thread::spawn(move || {
        for keys in keys {
            for keys in keys.chunks(INPUT) {
                let Ok(SerialRead::Read { mut buffer, next }) = keyboard.receive() else { return };
                buffer[..keys.len()].copy_from_slice(keys);
                keyboard = next.data(buffer, keys.len() as u64);
            }
        }
        // No more keys; the port is still there.
        std::thread::park();
        drop(keyboard);
    });
    let printed = Arc::clone(&bench.printed);
    std::thread::spawn(move || {
        while let Ok(SerialWrite::Write { block, length, next }) = screen.receive() {
            printed.lock().expect("no panic").extend_from_slice(&block[..length as usize]);
            screen = next.written(block);
        }
    });
    let logged = Arc::clone(&bench.logged);
    std::thread::spawn(move || {
        let mut members = EndpointSet::new().expect("memory");
        servers.into_iter().for_each(|server| members.insert(Either::This(server), ()));
        serve(members, input, output, |line| logged.lock().expect("no panic").push(std::format!("{line}")))
    });
    bench
}

impl Bench {
    fn keys(&self, keys: &[u8]) {
        self.typed.send(keys.to_vec()).expect("the keyboard works");
    }
}

fn read(client: Client<Ready>, most: usize) -> (Client<Ready>, Vec<u8>) {
    let buffer = ExBox::zeroed(most).expect("memory");
    let ClientReading::Input { buffer, length, next } = client.read(buffer).receive().expect("served");
    (next, buffer[..length as usize].to_vec())
}

/// Reads `length` keys.
fn read_all(mut client: Client<Ready>, length: usize) -> (Client<Ready>, Vec<u8>) {
    let mut all = Vec::new();
    while all.len() < length {
        let (next, keys) = read(client, 4096);
        client = next;
        all.extend(keys);
    }
    (client, all)
}

#[test]
fn what_is_written_is_printed_and_the_block_comes_back() {
    let mut bench = bench(2);
    for text in ["one ", "two ", "three"] {
        let block = ExBox::copy_of(text.as_bytes()).expect("memory");
        let address = block.address();
        let client = bench.clients.remove(0);
        let ClientWriting::Written { block, next } =
            client.write(block, text.len() as u64).receive().expect("served");
        assert_eq!(block.address(), address);
        bench.clients.push(next);
    }
    assert_eq!(bench.printed.lock().expect("no panic").as_slice(), b"one two three");
}

#[test]
fn keys_wait_for_a_reader_and_come_in_their_order() {
    let mut bench = bench(1);
    let keys: Vec<u8> = (0..10_000u32).map(|i| b'a' + (i % 26) as u8).collect();
    bench.keys(&keys);
    let (_, found) = read_all(bench.clients.remove(0), keys.len());
    assert!(found == keys);
    assert!(bench.logged.lock().expect("no panic").is_empty());
}

#[test]
fn a_second_reader_waits_for_its_turn() {
    let mut bench = bench(2);
    let one_key = || ExBox::zeroed(1).expect("memory");
    let second = bench.clients.remove(1);
    let first = bench.clients.remove(0).read(one_key());
    // Only the first has asked when the first key comes, and the second has asked when the next comes.
    bench.keys(b"x");
    let Ok(ClientReading::Input { buffer, next: first, .. }) = first.receive() else { panic!("served") };
    assert_eq!(&buffer[..], b"x");
    let second = second.read(one_key());
    bench.keys(b"yz");
    let Ok(ClientReading::Input { buffer, .. }) = second.receive() else { panic!("served") };
    assert_eq!(&buffer[..], b"y");
    assert_eq!(read(first, 9).1, b"z");
}

#[test]
fn keys_are_not_given_to_a_reader_that_has_gone() {
    let mut bench = bench(2);
    let second = bench.clients.remove(1);
    drop(bench.clients.remove(0).read(ExBox::zeroed(10).expect("memory")));
    bench.keys(b"kept");
    assert_eq!(read_all(second, 4).1, b"kept");
}

#[test]
fn a_poll_finds_ctrl_c_once_and_leaves_the_keys_behind_it() {
    let mut bench = bench(1);
    bench.keys(b"abc\x03def");
    let mut client = bench.clients.remove(0);
    loop {
        match client.poll().receive().expect("served") {
            ClientPolling::Quiet { next } => client = next,
            ClientPolling::Interrupted { next } => {
                client = next;
                break;
            }
        }
    }
    let ClientPolling::Quiet { next } = client.poll().receive().expect("served") else {
        panic!("it was pressed once")
    };
    assert_eq!(read_all(next, 3).1, b"def");
}

#[test]
fn ctrl_c_goes_to_the_latest_watcher_that_is_there_and_to_no_reader() {
    let mut bench = bench(4);
    let reader = bench.clients.remove(0);
    let first = bench.clients.remove(0).watch();
    // A poll's answer shows that the console has seen what was sent before.
    let settle = |bench: &mut Bench| {
        let Ok(ClientPolling::Quiet { next }) = bench.clients.remove(0).poll().receive() else {
            panic!("served")
        };
        bench.clients.push(next);
    };
    settle(&mut bench);
    let second = bench.clients.remove(0).watch();
    settle(&mut bench);
    bench.keys(b"a\x03");
    let Ok(ClientWatching::CtrlC { next }) = second.receive() else { panic!("served") };
    let Err(TryReceiveError::Empty(first)) = first.try_receive() else { panic!("another was told") };
    drop(next.watch());
    settle(&mut bench);
    bench.keys(b"b\x03c");
    let Ok(ClientWatching::CtrlC { .. }) = first.receive() else { panic!("served") };
    assert_eq!(read_all(reader, 1).1, b"c");
}

#[test]
fn keys_beyond_what_is_kept_are_lost_loudly_and_ctrl_c_is_not() {
    let mut bench = bench(1);
    bench.keys(&std::vec![b'x'; KEYS_KEPT + 10]);
    bench.keys(b"\x03y");
    let mut client = bench.clients.remove(0);
    loop {
        match client.poll().receive().expect("served") {
            ClientPolling::Quiet { next } => client = next,
            ClientPolling::Interrupted { next } => {
                client = next;
                break;
            }
        }
    }
    assert_eq!(read(client, 9).1, b"y");
    let logged = bench.logged.lock().expect("no panic");
    assert_eq!(logged.len(), 2, "{logged:?}");
    assert_eq!(logged[1], std::format!("{} keys were lost", KEYS_KEPT + 10));
}
