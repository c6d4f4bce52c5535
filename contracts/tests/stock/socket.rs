use std::collections::BTreeMap;
use std::thread;

use contracts::spec::socket::incoming::{ClientReading, Server as InServer, ServerOpen as OnIn};
use contracts::spec::socket::listener::{ClientAccepting, Server as ListenServer, ServerReady as OnListener};
use contracts::spec::socket::network::{
    ClientBinding, ClientConnecting, Server as NetServer, ServerReady as OnNet,
};
use contracts::spec::socket::outgoing::{ClientSending, Server as OutServer, ServerOpen as OnOut};
use contracts::spec::socket::{
    Address, Incoming, Listener, Network, Outgoing, SocketError, incoming, listener, network, outgoing,
};
use contracts::{Closed, Either, EndpointSet, ExBox};

use crate::{block, pair, room};

type Net = network::Client<network::Ready>;
type Out = outgoing::Client<outgoing::Open>;
type In = incoming::Client<incoming::Open>;

/// A block, how many of its bytes count, how many of those have been read, and who waits for the others to be.
type Part = (ExBox<[u8]>, usize, usize, OutServer<outgoing::Sending>);

/// One way of a connection: at most one block is on it.
#[derive(Default)]
struct Way {
    sending: Option<Part>,
    reading: Option<(ExBox<[u8]>, InServer<incoming::Reading>)>,
    finished: bool,
    broken: bool,
}

enum Back {
    Out(OutServer<outgoing::Open>),
    In(InServer<incoming::Open>),
}

impl Way {
    fn settle(&mut self) -> Vec<Back> {
        let mut back = Vec::new();
        match (self.sending.take(), self.reading.take()) {
            (Some((part, length, from, out)), Some((mut buffer, reader))) if !self.broken => {
                let count = buffer.len().min(length - from);
                buffer[..count].copy_from_slice(&part[from..from + count]);
                back.push(Back::In(reader.data(buffer, count as u64)));
                if from + count == length {
                    back.push(Back::Out(out.sent(part)));
                } else {
                    self.sending = Some((part, length, from + count, out));
                }
            }
            (sending, reading) => {
                self.sending = sending;
                self.reading = reading;
            }
        }
        if self.broken
            && let Some((part, _, _, out)) = self.sending.take()
        {
            out.broken(SocketError::Reset, part);
        }
        if let Some((buffer, reader)) = self.reading.take() {
            if self.broken {
                reader.broken(SocketError::Reset, buffer);
            } else if self.finished {
                reader.finished(buffer);
            } else {
                self.reading = Some((buffer, reader));
            }
        }
        back
    }
}

type Member = Either<
    Either<NetServer<network::Ready>, ListenServer<listener::Ready>>,
    Either<OutServer<outgoing::Open>, InServer<incoming::Open>>,
>;

/// Whose request it is: a port for a listener, the number of a way for an end of it.
#[derive(Clone, Copy)]
enum Whose {
    Nobody,
    Port(u16),
    Outgoing(usize),
    Incoming(usize),
}

/// A machine that can reach only itself.
struct Loopback {
    clients: EndpointSet<Member, Whose>,
    ways: Vec<Way>,
    /// Connections that nobody has accepted yet, and listeners that wait for one.
    arrived: BTreeMap<u16, Vec<(Out, In)>>,
    accepting: BTreeMap<u16, ListenServer<listener::Accepting>>,
}

const HERE: [u8; 4] = [127, 0, 0, 1];

impl Loopback {
    /// A new way and its two ends.
    fn way(&mut self) -> (Out, In) {
        let number = self.ways.len();
        self.ways.push(Way::default());
        let (out, out_server) = pair::<Outgoing>();
        let (back, in_server) = pair::<Incoming>();
        self.clients.insert(Either::That(Either::This(out_server)), Whose::Outgoing(number));
        self.clients.insert(Either::That(Either::That(in_server)), Whose::Incoming(number));
        (out, back)
    }

    fn connect(&mut self, to: Address) -> Result<(Out, In), SocketError> {
        if to.ip != Address::v4(HERE, 0).ip {
            return Err(SocketError::Unreachable);
        }
        if !self.arrived.contains_key(&to.port) {
            return Err(SocketError::Refused);
        }
        let ((there, heard), (answer, back)) = (self.way(), self.way());
        self.arrived.entry(to.port).or_default().push((answer, heard));
        self.accept(to.port);
        Ok((there, back))
    }

    fn listen(&mut self, at: Address) -> Result<u16, SocketError> {
        let port = if at.port == 0 { 49152 + self.arrived.len() as u16 } else { at.port };
        if self.arrived.contains_key(&port) {
            return Err(SocketError::InUse);
        }
        self.arrived.insert(port, Vec::new());
        Ok(port)
    }

    fn accept(&mut self, port: u16) {
        let waiting = self.arrived.get_mut(&port).filter(|arrived| !arrived.is_empty());
        if let Some(arrived) = waiting
            && let Some(listener) = self.accepting.remove(&port)
        {
            let (out, back) = arrived.remove(0);
            let next = listener.accepted(out, back, Address::v4(HERE, 50000));
            self.clients.insert(Either::This(Either::That(next)), Whose::Port(port));
        }
    }

    fn on_network(&mut self, request: OnNet) -> NetServer<network::Ready> {
        match request {
            OnNet::Connect { to, next } => match self.connect(to) {
                Ok((out, back)) => next.connected(out, back, Address::v4(HERE, 50000)),
                Err(error) => next.refused(error),
            },
            OnNet::Listen { at, next } => match self.listen(at) {
                Ok(port) => {
                    let (client, server) = pair::<Listener>();
                    self.clients.insert(Either::This(Either::That(server)), Whose::Port(port));
                    next.listening(client, Address { port, ..at })
                }
                Err(error) => next.refused(error),
            },
        }
    }

    fn settle(&mut self, number: usize) {
        for back in self.ways[number].settle() {
            match back {
                Back::Out(end) => {
                    self.clients.insert(Either::That(Either::This(end)), Whose::Outgoing(number))
                }
                Back::In(end) => {
                    self.clients.insert(Either::That(Either::That(end)), Whose::Incoming(number))
                }
            }
        }
    }

    fn serve(&mut self) {
        while !self.clients.is_empty() {
            let event = self.clients.receive();
            match (event.received, event.data) {
                (Ok(Either::This(Either::This(request))), whose) => {
                    let next = self.on_network(request);
                    self.clients.insert(Either::This(Either::This(next)), whose);
                }
                (Ok(Either::This(Either::That(OnListener::Accept { next }))), Whose::Port(port)) => {
                    self.accepting.insert(port, next);
                    self.accept(port);
                }
                (Ok(Either::This(Either::That(OnListener::Close))) | Err(Closed), Whose::Port(port)) => {
                    // What nobody accepted is given up with it.
                    drop(self.arrived.remove(&port));
                }
                (
                    Ok(Either::That(Either::This(OnOut::Send { block, length, next }))),
                    Whose::Outgoing(way),
                ) => {
                    let length = block.len().min(length as usize);
                    self.ways[way].sending = Some((block, length, 0, next));
                    self.settle(way);
                }
                (Ok(Either::That(Either::That(OnIn::Read { buffer, next }))), Whose::Incoming(way)) => {
                    self.ways[way].reading = Some((buffer, next));
                    self.settle(way);
                }
                (Ok(Either::That(Either::This(OnOut::Finish))), Whose::Outgoing(way)) => {
                    self.ways[way].finished = true;
                    self.settle(way);
                }
                (Ok(Either::That(Either::That(OnIn::Close))), Whose::Incoming(way))
                | (Err(Closed), Whose::Outgoing(way) | Whose::Incoming(way)) => {
                    self.ways[way].broken = true;
                    self.settle(way);
                }
                (Err(Closed), Whose::Nobody) => {}
                (Ok(_), _) => unreachable!("each member has the datum of its kind"),
            }
        }
    }
}

fn start() -> Net {
    let (client, server) = pair::<Network>();
    thread::spawn(move || {
        let clients = EndpointSet::new().expect("memory");
        let (arrived, accepting) = (BTreeMap::new(), BTreeMap::new());
        let mut loopback = Loopback { clients, ways: Vec::new(), arrived, accepting };
        loopback.clients.insert(Either::This(Either::This(server)), Whose::Nobody);
        loopback.serve();
    });
    client
}

fn connect(net: Net, to: Address) -> Result<(Out, In, Net), (SocketError, Net)> {
    match net.connect(to).receive().expect("it serves") {
        ClientConnecting::Connected { outgoing, incoming, next, .. } => Ok((outgoing, incoming, next)),
        ClientConnecting::Refused { error, next } => Err((error, next)),
    }
}

fn listen(net: Net, port: u16) -> (listener::Client<listener::Ready>, Address, Net) {
    match net.listen(Address::v4(HERE, port)).receive() {
        Ok(ClientBinding::Listening { listener, at, next }) => (listener, at, next),
        other => panic!("{other:?}"),
    }
}

/// A connection: the ends of whoever made it, and of whoever accepted it.
fn connected() -> ((Out, In), (Out, In), Net) {
    let (listener, at, net) = listen(start(), 0);
    let accepting = listener.accept();
    let (out, back, net) = connect(net, at).expect("somebody listens");
    let Ok(ClientAccepting::Accepted { outgoing, incoming, .. }) = accepting.receive() else {
        panic!("somebody has connected")
    };
    ((out, back), (outgoing, incoming), net)
}

fn send(out: Out, bytes: &[u8]) -> Out {
    match out.send(block(bytes), bytes.len() as u64).receive() {
        Ok(ClientSending::Sent { next, .. }) => next,
        other => panic!("{other:?}"),
    }
}

/// Everything up to the end of a way, in pieces of three bytes.
fn read_all(mut back: In) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        match back.read(room(3)).receive().expect("it serves") {
            ClientReading::Data { buffer, length, next } => {
                all.extend(&buffer[..length as usize]);
                back = next;
            }
            ClientReading::Finished { .. } => return all,
            ClientReading::Broken { error, .. } => panic!("{error}"),
        }
    }
}

#[test]
fn after_one_side_has_finished_the_other_can_still_answer() {
    let ((out, back), (answer, heard), _net) = connected();
    let other = thread::spawn(move || {
        let question = read_all(heard);
        let answer = send(answer, b"you said: ");
        send(answer, &question).finish();
    });
    send(out, b"hello there").finish();
    assert_eq!(read_all(back), b"you said: hello there");
    other.join().expect("no panic");
}

#[test]
fn both_ways_carry_bytes_at_once_and_may_live_in_different_processes() {
    let ((out, back), (answer, heard), _net) = connected();
    let long: Vec<u8> = (0..10_000_u32).map(|i| (i % 251) as u8).collect();
    let send_all = |mut out: Out, bytes: Vec<u8>| {
        for part in bytes.chunks(64) {
            out = send(out, part);
        }
        out.finish();
    };
    let senders = [(out, long.clone()), (answer, long.clone())]
        .map(|(out, bytes)| thread::spawn(move || send_all(out, bytes)));
    let other = thread::spawn(move || read_all(heard));
    assert!(read_all(back) == long && other.join().expect("no panic") == long);
    senders.into_iter().for_each(|sender| sender.join().expect("no panic"));
}

#[test]
fn a_connection_that_one_side_drops_is_broken_for_the_other() {
    let ((out, back), (answer, heard), _net) = connected();
    let reading = back.read(room(10));
    drop((answer, heard));
    assert!(matches!(reading.receive(), Ok(ClientReading::Broken { error: SocketError::Reset, .. })));
    let Ok(ClientSending::Broken { error: SocketError::Reset, block }) =
        out.send(block(b"late"), 4).receive()
    else {
        panic!("nobody can read it")
    };
    assert_eq!(&block[..], b"late");
}

#[test]
fn a_network_says_why_there_is_no_connection() {
    let Err((SocketError::Unreachable, net)) = connect(start(), Address::v4([192, 0, 2, 1], 80)) else {
        panic!("there is no such machine")
    };
    let Err((SocketError::Refused, net)) = connect(net, Address::v4(HERE, 80)) else {
        panic!("nobody listens")
    };
    let (listener, _, net) = listen(net, 80);
    let Ok(ClientBinding::Refused { error: SocketError::InUse, next: net }) =
        net.listen(Address::v4(HERE, 80)).receive()
    else {
        panic!("somebody listens already")
    };
    // It connects before anybody accepts, and breaks when nobody ever will.
    let (_out, back, _net) = connect(net, Address::v4(HERE, 80)).expect("somebody listens");
    listener.close();
    assert!(matches!(back.read(room(1)).receive(), Ok(ClientReading::Broken { .. })));
}
