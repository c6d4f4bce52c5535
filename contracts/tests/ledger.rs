//! At each step of a random run the host's ledger names exactly one owner for each block, in queue included.
//!
//! One thread holds both ends of every channel, so it is known at each step where each block is. The test is alone in
//! its process: the ledger is the whole process's.

use std::collections::BTreeMap;

use contracts::abi::OwnerKind;
use contracts::binding::host::{bytes_copied, channels, ledger, moved, owner};
use contracts::{Contract, ExBox, Side};

/// Blocks go both ways, up to three in a queue.
#[derive(Contract)]
#[contract(start = Idle)]
pub enum Shuttle {
    /// One block.
    #[client(Idle => One)]
    First {
        /// The block.
        block: ExBox<[u8]>,
    },
    /// Two, one inside of the other.
    #[client(One => Two)]
    Second {
        /// The outer block.
        block: ExBox<ExBox<[u8]>>,
    },
    /// No more.
    #[client(Idle => Turned, One => Turned, Two => Turned)]
    Turn,
    /// One back.
    #[server(Turned => Turned2)]
    Back {
        /// The block.
        block: ExBox<[u8]>,
    },
    /// None, or no more.
    #[server(Turned => Idle, Turned2 => Idle)]
    Done,
}

use shuttle::*;

/// Both ends, each in the state it has come to.
enum Ends {
    Fresh(Client<Idle>, Server<Idle>),
    One(Client<One>, Server<Idle>),
    OneSeen(Client<One>, Server<One>, ExBox<[u8]>),
    Two(Client<Two>, Server<Idle>),
    Turned(Client<Turned>, Server<Turned>, Option<ExBox<[u8]>>),
    Answered(Client<Turned>, Server<Turned2>),
}

/// Who should have each block, by address.
type Model = BTreeMap<usize, OwnerKind>;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

struct Run {
    random: Random,
    channel: u64,
    model: Model,
    sizes: BTreeMap<usize, usize>,
}

impl Run {
    fn open(&mut self) -> Ends {
        let (client, server) = Shuttle::channel().expect("memory");
        // The host numbers channels from 1.
        self.channel += 1;
        Ends::Fresh(client, server)
    }

    fn block(&mut self) -> ExBox<[u8]> {
        let size = self.random.below(5000) as usize;
        let block = ExBox::zeroed(size).expect("memory");
        self.model.insert(block.address(), owner().kind());
        self.sizes.insert(block.address(), size);
        block
    }

    fn drop_block(&mut self, block: ExBox<[u8]>) {
        self.model.remove(&block.address());
        self.sizes.remove(&block.address());
    }

    fn moved(&mut self, address: usize, to: Side) {
        self.model.insert(address, OwnerKind::InFlight { channel: self.channel, to });
    }

    fn mine(&mut self, address: usize) {
        self.model.insert(address, owner().kind());
    }

    /// Drops both ends: what is in flight is freed, and so is what was received.
    fn abandon(&mut self, ends: Ends) {
        drop(ends);
        self.model.clear();
        self.sizes.clear();
    }

    fn step(&mut self, ends: Ends) -> Option<Ends> {
        // Now and then a channel is abandoned with whatever is in it.
        if self.random.below(10) == 0 {
            self.abandon(ends);
            return None;
        }
        let mine = self.block();
        let ends = match ends {
            Ends::Fresh(client, server) => match self.random.below(3) {
                0 => {
                    let client = client.turn();
                    let Ok(ServerIdle::Turn { next }) = server.receive() else { panic!("a turn was sent") };
                    Ends::Turned(client, next, None)
                }
                _ => {
                    let block = self.block();
                    self.moved(block.address(), Side::Server);
                    Ends::One(client.first(block), server)
                }
            },
            Ends::One(client, server) => match self.random.below(2) {
                0 => {
                    let inner = self.block();
                    let address = inner.address();
                    let outer = ExBox::new(inner).expect("memory");
                    self.moved(address, Side::Server);
                    self.sizes.insert(outer.address(), outer.size_in_bytes());
                    self.moved(outer.address(), Side::Server);
                    Ends::Two(client.second(outer), server)
                }
                _ => {
                    let Ok(ServerIdle::First { block, next }) = server.receive() else {
                        panic!("it was sent")
                    };
                    self.mine(block.address());
                    Ends::OneSeen(client, next, block)
                }
            },
            Ends::OneSeen(client, server, block) => {
                let client = client.turn();
                let Ok(ServerOne::Turn { next }) = server.receive() else { panic!("a turn was sent") };
                Ends::Turned(client, next, Some(block))
            }
            Ends::Two(client, server) => {
                let Ok(ServerIdle::First { block: first, next }) = server.receive() else {
                    panic!("it was sent")
                };
                self.mine(first.address());
                self.drop_block(first);
                let Ok(ServerOne::Second { block: outer, next }) = next.receive() else {
                    panic!("it was sent")
                };
                self.sizes.remove(&outer.address());
                self.model.remove(&outer.address());
                let inner = outer.into_inner();
                self.mine(inner.address());
                let client = client.turn();
                let Ok(ServerTwo::Turn { next }) = next.receive() else { panic!("a turn was sent") };
                Ends::Turned(client, next, Some(inner))
            }
            Ends::Turned(client, server, None) => {
                let server = server.done();
                let Ok(ClientTurned::Done { next }) = client.receive() else { panic!("it was sent") };
                Ends::Fresh(next, server)
            }
            Ends::Turned(client, server, Some(block)) => {
                self.moved(block.address(), Side::Client);
                Ends::Answered(client, server.back(block))
            }
            Ends::Answered(client, server) => {
                let server = server.done();
                let Ok(ClientTurned::Back { block, next }) = client.receive() else { panic!("it was sent") };
                self.mine(block.address());
                self.drop_block(block);
                let Ok(ClientTurned2::Done { next }) = next.receive() else { panic!("it was sent") };
                Ends::Fresh(next, server)
            }
        };
        self.drop_block(mine);
        Some(ends)
    }

    /// Compares the ledger with the model.
    fn compare(&self) {
        let lines = ledger();
        assert_eq!(lines.len(), self.model.len(), "each block has one line");
        for line in &lines {
            assert_eq!(Some(&line.owner), self.model.get(&line.address), "the owner of {:#x}", line.address);
            assert_eq!(Some(&line.size), self.sizes.get(&line.address));
        }
    }
}

#[test]
fn at_each_step_of_a_random_run_each_block_has_one_owner_and_in_the_end_none_is_left() {
    let mut run = Run { random: Random(1), channel: 0, model: Model::new(), sizes: BTreeMap::new() };
    let mut in_flight = 0;
    for _ in 0..3000 {
        let mut ends = run.open();
        for _ in 0..20 {
            ends = match run.step(ends) {
                Some(next) => next,
                None => run.open(),
            };
            run.compare();
            in_flight += run.model.values().filter(|kind| matches!(kind, OwnerKind::InFlight { .. })).count();
        }
        run.abandon(ends);
        run.compare();
        assert_eq!(channels(), 0, "no channel is left");
    }
    assert!(in_flight > 10_000, "blocks were seen in queues: {in_flight}");
    assert_eq!(bytes_copied(), 0, "nothing was copied");
    assert!(moved().0 > 10_000);
}
