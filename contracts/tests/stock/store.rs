use std::collections::BTreeMap;
use std::ops::Bound;
use std::thread;

use contracts::binding::host::{Exhaustion, pretend_exhausted};
use contracts::spec::store::cursor::{self, ClientMoving, Server as CursorServer, ServerReady as OnCursor};
use contracts::spec::store::store::{
    self, ClientDeleting, ClientGetting, ClientPutting, ClientScanning, Server as StoreServer,
    ServerReady as OnStore,
};
use contracts::spec::store::{Cursor, Expect, Key, Store};
use contracts::{Closed, Either, EndpointSet, ExBox};

use crate::{block, pair};

type Client = store::Client<store::Ready>;
type CursorClient = cursor::Client<cursor::Ready>;

/// Bytes that all values together may have.
const ROOM: usize = 1000;

struct Entry {
    value: ExBox<[u8]>,
    version: u64,
}

#[derive(Default)]
struct Map {
    entries: BTreeMap<String, Entry>,
    version: u64,
}

/// A cursor's range and place.
struct Place {
    prefix: Key,
    after: Bound<String>,
}

impl Map {
    fn version_of(&self, key: &str) -> u64 {
        self.entries.get(key).map_or(0, |entry| entry.version)
    }

    fn has_room(&self, key: &str, value: &[u8]) -> bool {
        let others = self.entries.iter().filter(|(other, _)| *other != key);
        others.map(|(_, entry)| entry.value.len()).sum::<usize>() + value.len() <= ROOM
    }

    fn serve(
        &mut self,
        request: OnStore,
    ) -> (StoreServer<store::Ready>, Option<(CursorServer<cursor::Ready>, Place)>) {
        let next = match request {
            OnStore::Get { key, next } => match self.entries.get(key.as_str()) {
                Some(entry) => match ExBox::copy_of(&entry.value) {
                    Ok(copy) => next.value(copy, entry.version),
                    Err(_) => next.full(),
                },
                None => next.missing(),
            },
            OnStore::Put { key, value, expect, next } => {
                let there = self.version_of(&key);
                let as_expected = match expect {
                    Expect::Anything => true,
                    Expect::Nothing => there == 0,
                    Expect::Version(version) => there == version,
                };
                if !as_expected {
                    next.conflict(value, there)
                } else if !self.has_room(&key, &value) {
                    next.full()
                } else {
                    self.version += 1;
                    self.entries.insert(key.to_string(), Entry { value, version: self.version });
                    next.stored(self.version)
                }
            }
            OnStore::Delete { key, next } => match self.entries.remove(key.as_str()) {
                Some(_) => next.deleted(),
                None => next.missing(),
            },
            OnStore::Scan { prefix, next } => {
                let (client, server) = pair::<Cursor>();
                let place = Place { prefix, after: Bound::Included(prefix.to_string()) };
                return (next.cursor(client), Some((server, place)));
            }
        };
        (next, None)
    }

    fn step(&self, request: OnCursor, place: &mut Place) -> Option<CursorServer<cursor::Ready>> {
        let next = match request {
            OnCursor::Next { next } => next,
            OnCursor::Seek { key, next } => {
                place.after = Bound::Included(key.as_str().max(&place.prefix).to_owned());
                next
            }
            OnCursor::Close => return None,
        };
        let mut rest = self.entries.range((place.after.clone(), Bound::Unbounded));
        Some(match rest.next().filter(|(key, _)| key.starts_with(place.prefix.as_str())) {
            Some((key, entry)) => match ExBox::copy_of(&entry.value) {
                Ok(value) => {
                    place.after = Bound::Excluded(key.clone());
                    next.entry(Key::truncated(key), value, entry.version)
                }
                Err(_) => next.full(),
            },
            None => next.passed(),
        })
    }
}

/// Serves a store and its cursors until nobody is left.
fn serve(server: StoreServer<store::Ready>) {
    let mut map = Map::default();
    let mut clients =
        EndpointSet::<Either<StoreServer<store::Ready>, CursorServer<cursor::Ready>>, Option<Place>>::new()
            .expect("memory");
    clients.insert(Either::This(server), None);
    while !clients.is_empty() {
        let event = clients.receive();
        match (event.received, event.data) {
            (Ok(Either::This(request)), _) => {
                let (next, cursor) = map.serve(request);
                clients.insert(Either::This(next), None);
                if let Some((cursor, place)) = cursor {
                    clients.insert(Either::That(cursor), Some(place));
                }
            }
            (Ok(Either::That(request)), Some(mut place)) => {
                if let Some(next) = map.step(request, &mut place) {
                    clients.insert(Either::That(next), Some(place));
                }
            }
            (Ok(Either::That(_)), None) => unreachable!("a cursor has its place"),
            (Err(Closed), _) => {}
        }
    }
}

fn key(text: &str) -> Key {
    Key::new(text).expect("short")
}

fn start() -> Client {
    let (client, server) = pair::<Store>();
    thread::spawn(move || serve(server));
    client
}

fn put(client: Client, name: &str, value: &[u8]) -> (u64, Client) {
    match client.put(key(name), block(value), Expect::Anything).receive() {
        Ok(ClientPutting::Stored { version, next }) => (version, next),
        other => panic!("{other:?}"),
    }
}

fn filled() -> Client {
    ["b/2", "a/1", "b/1", "c", "b/3"]
        .iter()
        .fold(start(), |client, name| put(client, name, name.as_bytes()).1)
}

fn scan(client: Client, prefix: &str) -> (CursorClient, Client) {
    match client.scan(key(prefix)).receive() {
        Ok(ClientScanning::Cursor { cursor, next }) => (cursor, next),
        other => panic!("{other:?}"),
    }
}

/// The key that a moved cursor is at; none behind the last.
fn at(moving: cursor::Client<cursor::Moving>) -> (Option<String>, CursorClient) {
    match moving.receive().expect("it serves") {
        ClientMoving::Entry { key, value, next, .. } => {
            assert_eq!(&value[..], key.as_bytes(), "each entry has its own value");
            (Some(key.to_string()), next)
        }
        ClientMoving::Passed { next } => (None, next),
        ClientMoving::Full { .. } => panic!("there is memory"),
    }
}

#[test]
fn a_value_is_stored_read_and_removed_by_its_key() {
    let (first, client) = put(start(), "k", b"one");
    let (second, client) = put(client, "k", b"two");
    assert!(second > first);
    let Ok(ClientGetting::Value { value, version, next }) = client.get(key("k")).receive() else {
        panic!("it was stored")
    };
    assert_eq!((&value[..], version), (&b"two"[..], second));
    let Ok(ClientDeleting::Deleted { next }) = next.delete(key("k")).receive() else { panic!("it is there") };
    let Ok(ClientDeleting::Missing { next }) = next.delete(key("k")).receive() else { panic!("it is gone") };
    assert!(matches!(next.get(key("k")).receive(), Ok(ClientGetting::Missing { .. })));
}

#[test]
fn of_two_who_change_the_same_version_one_is_told() {
    let (version, client) = put(start(), "k", b"one");
    let expect = Expect::Version(version);
    let Ok(ClientPutting::Stored { version: newer, next }) =
        client.put(key("k"), block(b"mine"), expect).receive()
    else {
        panic!("nobody was faster")
    };
    let Ok(ClientPutting::Conflict { value, version, next }) =
        next.put(key("k"), block(b"yours"), expect).receive()
    else {
        panic!("somebody was faster")
    };
    assert_eq!((&value[..], version), (&b"yours"[..], newer), "the value comes back");
    let Ok(ClientPutting::Conflict { version: 0, .. }) =
        next.put(key("new"), value, Expect::Version(9)).receive()
    else {
        panic!("there is no such entry")
    };
}

#[test]
fn a_store_that_is_full_keeps_what_it_has() {
    let (_, client) = put(start(), "k", &[1; ROOM]);
    let Ok(ClientPutting::Full { next }) = client.put(key("l"), block(b"x"), Expect::Nothing).receive()
    else {
        panic!("there is no room")
    };
    let (_, client) = put(next, "k", b"less");
    let (_, _client) = put(client, "l", b"x");
}

#[test]
fn a_cursor_goes_over_its_range_in_order_and_back() {
    let (cursor, client) = scan(filled(), "b/");
    let mut cursor = cursor;
    for expected in [Some("b/1"), Some("b/2"), Some("b/3"), None, None] {
        let (found, next) = at(cursor.next());
        assert_eq!(found.as_deref(), expected);
        cursor = next;
    }
    let (found, cursor) = at(cursor.seek(key("b/2")));
    assert_eq!(found.as_deref(), Some("b/2"));
    let (found, cursor) = at(cursor.seek(key("a")));
    assert_eq!(found.as_deref(), Some("b/1"), "a cursor does not leave its range");
    let (found, cursor) = at(cursor.seek(key("c")));
    assert_eq!(found, None);
    cursor.close();
    let (all, _client) = scan(client, "");
    assert_eq!(at(all.next()).0.as_deref(), Some("a/1"));
}

#[test]
fn cursors_keep_their_own_places_while_the_store_changes() {
    let (one, client) = scan(filled(), "");
    let (two, client) = scan(client, "");
    let (found, one) = at(one.next());
    assert_eq!(found.as_deref(), Some("a/1"));
    let Ok(ClientDeleting::Deleted { next: client }) = client.delete(key("b/1")).receive() else {
        panic!("it is there")
    };
    let (_, _client) = put(client, "a/0", b"a/0");
    assert_eq!(at(one.next()).0.as_deref(), Some("b/2"), "what was removed is passed over");
    assert_eq!(at(two.next()).0.as_deref(), Some("a/0"), "what was added is found");
}

#[test]
fn a_cursor_that_finds_no_memory_stays_where_it_was() {
    let mut map = Map::default();
    map.entries.insert("k".to_owned(), Entry { value: block(b"one"), version: 1 });
    let mut place = Place { prefix: key(""), after: Bound::Unbounded };
    let (client, server) = pair::<Cursor>();
    let moving = client.next();
    pretend_exhausted(Exhaustion::On);
    let server = map.step(server.receive().expect("it was sent"), &mut place);
    pretend_exhausted(Exhaustion::Off);
    let Ok(ClientMoving::Full { next: client }) = moving.receive() else { panic!("there is no memory") };
    let moving = client.next();
    let request = server.expect("the session goes on").receive().expect("it was sent");
    let server = map.step(request, &mut place);
    assert!(matches!(moving.receive(), Ok(ClientMoving::Entry { version: 1, .. })), "none is passed over");
    drop(server);
}
