extern crate std;

use std::vec::Vec;

use contracts::spec::archive::Archive;
use contracts::spec::archive::archive::{self, ClientListing, ClientOpening, ClientReading};
use contracts::{Contract, ExBox};

use super::*;

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, *content).expect("a name that fits");
    }
    builder.into_inner().expect("written to memory")
}

fn parse(image: &[u8]) -> Files {
    Files::parse(ExBox::copy_of(image).expect("memory"))
}

fn serving(files: Files) -> archive::Client<Ready> {
    let (client, server) = Archive::channel().expect("memory");
    std::thread::spawn(move || {
        let mut clients = EndpointSet::new().expect("memory");
        clients.insert(Either::This(server), Position::default());
        serve(clients, &files)
    });
    client
}

fn read(
    client: archive::Client<Ready>,
    name: &str,
    buffer: usize,
) -> Option<(archive::Client<Ready>, Vec<u8>)> {
    let name = contracts::Name::new(name).expect("a short name");
    let (size, mut client) = match client.open(name).receive().expect("served") {
        ClientOpening::Opened { size, next } => (size, next),
        ClientOpening::NotFound { .. } => return None,
    };
    let (mut content, mut buffer) = (Vec::new(), ExBox::zeroed(buffer).expect("memory"));
    let address = buffer.address();
    loop {
        let ClientReading::Data { buffer: same, length, next } =
            client.read(buffer).receive().expect("served");
        assert_eq!(same.address(), address);
        (buffer, client) = (same, next);
        if length == 0 {
            assert_eq!(content.len() as u64, size);
            return Some((client.close(), content));
        }
        content.extend_from_slice(&buffer[..length as usize]);
    }
}

#[test]
fn every_file_is_read_as_it_was_written_whatever_the_buffer() {
    let long = "x".repeat(100);
    let big: Vec<u8> = (0..5000u32).map(|i| i as u8).collect();
    let files: [(&str, &[u8]); 4] =
        [("empty", b""), ("a", b"hello\n"), (&long, b"long name"), ("sips/big", &big)];
    let mut client = serving(parse(&tar(&files)));
    for size in [1, 512, 5000, 70000] {
        for (name, content) in files {
            let (next, found) = read(client, name, size).expect("a file of that name");
            assert!(found == content, "{name} with a buffer of {size}");
            client = next;
        }
    }
    let ClientListing::Files { files: list, .. } = client.list().receive().expect("served");
    let names: Vec<_> = list.iter().map(|file| (file.name.as_str(), file.size)).collect();
    assert_eq!(names, [("empty", 0), ("a", 6), (&long, 9), ("sips/big", 5000)]);
}

#[test]
fn a_name_that_is_not_there_is_not_found() {
    let client = serving(parse(&tar(&[("a", b"")])));
    assert!(read(client, "A", 10).is_none());
}

#[test]
fn what_is_not_a_tar_is_one_trouble_and_no_files() {
    let good = tar(&[("a", &[7; 3000])]);
    let mut damaged = good.clone();
    damaged[0] ^= 1;
    for bad in [&b""[..], b"hello", &[0x55; 4096], &good[..1024], &damaged] {
        let files = parse(bad);
        assert!(files.list().is_empty());
        assert!(matches!(files.troubles(), [Trouble::NotATar(_)]), "{:?}", files.troubles());
    }
}

#[test]
fn of_two_files_with_one_name_the_first_is_served() {
    let files = parse(&tar(&[("a", b"first"), ("b", b""), ("a", b"second")]));
    assert_eq!(files.list().len(), 2);
    assert_eq!(files.find("a").map(|file| &files.bytes()[file.range.clone()]), Some(&b"first"[..]));
    assert!(matches!(files.troubles(), [Trouble::Twice(name)] if name.as_str() == "a"));
}
