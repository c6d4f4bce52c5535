//! Contracts at random, through the real derive. Written by `check::oracle::generated`, whose test says how; do not
//! edit.
#![allow(dead_code, missing_docs)]

use contracts::Contract;

fn depths<C: Contract>() -> [usize; 2] {
    let depths = [C::DEPTH_TO_CLIENT, C::DEPTH_TO_SERVER];
    let [to_client, to_server] = depths.map(|depth| depth as u32);
    // What rings are made from, and what a description says, is the same.
    let description = C::DESCRIPTION;
    assert_eq!((description.depth_to_client, description.depth_to_server), (to_client, to_server));
    assert_eq!(C::SHAPE.depth, [to_client, to_server]);
    depths
}

mod contract_0 {
    #[derive(contracts::Contract)]
    #[contract(start = S0)]
    pub(super) enum Sketch {
        #[client(S0 => S1)]
        M0 { value: u8 },
        #[server(S1 => S2)]
        M1 { value: u16 },
        #[server(S1 => S3)]
        M2 { value: u32 },
        #[server(S1 => S3)]
        M3 { value: u64 },
        #[server(S1 => End)]
        M4 { value: u8 },
        #[server(S2 => End)]
        M5 { value: u16 },
        #[client(S3 => S1)]
        M6 { value: u32 },
        #[server(S1 => S1, window = 1)]
        M7 { value: u64 },
        #[client(S3 => S3, window = 3)]
        M8 { value: u8 },
    }
}

#[test]
fn contract_0_has_the_depths_that_its_peers_reach() {
    assert_eq!(depths::<contract_0::Sketch>(), [3, 4]);
}

mod contract_1 {
    #[derive(contracts::Contract)]
    #[contract(start = S0)]
    pub(super) enum Sketch {
        #[client(S0 => S1)]
        M0 { value: u8 },
        #[client(S1 => S2)]
        M1 { value: u16 },
        #[client(S1 => S3)]
        M2 { value: u32 },
        #[client(S2 => S4, S5 => End)]
        M3 { value: u64 },
        #[server(S3 => S5)]
        M4 { value: u8 },
        #[client(S0 => S4)]
        M5 { value: u16 },
        #[server(S4 => End)]
        M6 { value: u32 },
        #[client(S5 => S5, window = 1)]
        M8 { value: u8 },
    }
}

#[test]
fn contract_1_has_the_depths_that_its_peers_reach() {
    assert_eq!(depths::<contract_1::Sketch>(), [1, 3]);
}

mod contract_2 {
    #[derive(contracts::Contract)]
    #[contract(start = S0)]
    pub(super) enum Sketch {
        #[client(S0 => S1)]
        M0 { value: u8 },
        #[client(S1 => End)]
        M1 { value: u16 },
        #[client(S0 => End)]
        M2 { value: u32 },
        #[client(S0 => S0, window = 1)]
        M3 { value: u64 },
        #[client(S1 => S1, window = 2)]
        M4 { value: u8 },
    }
}

#[test]
fn contract_2_has_the_depths_that_its_peers_reach() {
    assert_eq!(depths::<contract_2::Sketch>(), [0, 3]);
}

mod contract_3 {
    #[derive(contracts::Contract)]
    #[contract(start = S0)]
    pub(super) enum Sketch {
        #[server(S0 => S1)]
        M0 { value: u8 },
        #[server(S0 => S2)]
        M1 { value: u16 },
        #[server(S0 => S3)]
        M2 { value: u32 },
        #[server(S2 => S4)]
        M3 { value: u64 },
        #[server(S0 => S5, S1 => S5)]
        M4 { value: u8 },
        #[server(S3 => S4)]
        M5 { value: u16 },
        #[client(S4 => S2)]
        M7 { value: u64 },
        #[server(S5 => End)]
        M8 { value: u8 },
    }
}

#[test]
fn contract_3_has_the_depths_that_its_peers_reach() {
    assert_eq!(depths::<contract_3::Sketch>(), [3, 1]);
}

mod contract_4 {
    #[derive(contracts::Contract)]
    #[contract(start = S0)]
    pub(super) enum Sketch {
        #[client(S0 => S1)]
        M0 { value: u8 },
        #[client(S1 => S2)]
        M1 { value: u16 },
        #[client(S0 => S3)]
        M2 { value: u32 },
        #[client(S0 => S4)]
        M3 { value: u64 },
        #[client(S0 => S5, S1 => S6, S5 => End, S6 => S4)]
        M4 { value: u8 },
        #[client(S2 => End)]
        M6 { value: u32 },
        #[client(S3 => S4)]
        M7 { value: u64 },
        #[server(S4 => End)]
        M8 { value: u8 },
        #[client(S6 => S6, window = 1)]
        M11 { value: u64 },
    }
}

#[test]
fn contract_4_has_the_depths_that_its_peers_reach() {
    assert_eq!(depths::<contract_4::Sketch>(), [1, 3]);
}

mod contract_5 {
    #[derive(contracts::Contract)]
    #[contract(start = S0)]
    pub(super) enum Sketch {
        #[client(S0 => S1)]
        M0 { value: u8 },
        #[client(S0 => S2)]
        M1 { value: u16 },
        #[client(S0 => S3)]
        M2 { value: u32 },
        #[server(S2 => S4, S6 => S5)]
        M3 { value: u64 },
        #[server(S2 => S5)]
        M4 { value: u8 },
        #[server(S4 => S6, S2 => S6)]
        M5 { value: u16 },
        #[client(S5 => S2)]
        M6 { value: u32 },
        #[server(S1 => S0)]
        M9 { value: u16 },
        #[client(S3 => S1)]
        M10 { value: u32 },
        #[server(S2 => S2, window = 2)]
        M11 { value: u64 },
    }
}

#[test]
fn contract_5_has_the_depths_that_its_peers_reach() {
    assert_eq!(depths::<contract_5::Sketch>(), [5, 2]);
}

mod contract_6 {
    #[derive(contracts::Contract)]
    #[contract(start = S0)]
    pub(super) enum Sketch {
        #[server(S0 => S1, S1 => S2)]
        M0 { value: u8 },
        #[server(S0 => S3)]
        M2 { value: u32 },
        #[server(S2 => S4)]
        M3 { value: u64 },
        #[client(S3 => S0)]
        M4 { value: u8 },
        #[client(S3 => S2)]
        M5 { value: u16 },
        #[client(S4 => S0)]
        M6 { value: u32 },
        #[client(S3 => S3, window = 2)]
        M7 { value: u64 },
    }
}

#[test]
fn contract_6_has_the_depths_that_its_peers_reach() {
    assert_eq!(depths::<contract_6::Sketch>(), [3, 3]);
}

mod contract_7 {
    #[derive(contracts::Contract)]
    #[contract(start = S0)]
    pub(super) enum Sketch {
        #[client(S0 => End)]
        M0 { value: u8 },
        #[client(S0 => S0, window = 1)]
        M1 { value: u16 },
        #[client(S0 => S0, window = 1)]
        M2 { value: u32 },
    }
}

#[test]
fn contract_7_has_the_depths_that_its_peers_reach() {
    assert_eq!(depths::<contract_7::Sketch>(), [0, 2]);
}

mod contract_8 {
    #[derive(contracts::Contract)]
    #[contract(start = S0)]
    pub(super) enum Sketch {
        #[client(S0 => End)]
        M0 { value: u8 },
        #[client(S0 => S0, window = 1)]
        M1 { value: u16 },
    }
}

#[test]
fn contract_8_has_the_depths_that_its_peers_reach() {
    assert_eq!(depths::<contract_8::Sketch>(), [0, 2]);
}

mod contract_9 {
    #[derive(contracts::Contract)]
    #[contract(start = S0)]
    pub(super) enum Sketch {
        #[server(S0 => S1)]
        M0 { value: u8 },
        #[server(S0 => S2)]
        M1 { value: u16 },
        #[server(S0 => S3)]
        M2 { value: u32 },
        #[client(S1 => End)]
        M3 { value: u64 },
        #[client(S2 => S0)]
        M4 { value: u8 },
        #[client(S3 => S0)]
        M5 { value: u16 },
        #[client(S2 => S2, window = 1)]
        M6 { value: u32 },
        #[server(S0 => S0, window = 2)]
        M7 { value: u64 },
    }
}

#[test]
fn contract_9_has_the_depths_that_its_peers_reach() {
    assert_eq!(depths::<contract_9::Sketch>(), [3, 2]);
}

mod contract_10 {
    #[derive(contracts::Contract)]
    #[contract(start = S0)]
    pub(super) enum Sketch {
        #[client(S0 => S1, S1 => S2)]
        M0 { value: u8 },
        #[client(S0 => S3)]
        M2 { value: u32 },
        #[client(S0 => S4)]
        M3 { value: u64 },
        #[server(S4 => S5)]
        M4 { value: u8 },
        #[client(S2 => S3)]
        M5 { value: u16 },
        #[server(S3 => S0)]
        M6 { value: u32 },
        #[client(S5 => S3)]
        M7 { value: u64 },
        #[client(S5 => S5, window = 1)]
        M8 { value: u8 },
    }
}

#[test]
fn contract_10_has_the_depths_that_its_peers_reach() {
    assert_eq!(depths::<contract_10::Sketch>(), [1, 3]);
}

mod contract_11 {
    #[derive(contracts::Contract)]
    #[contract(start = S0)]
    pub(super) enum Sketch {
        #[server(S0 => S1)]
        M0 { value: u8 },
        #[server(S0 => S2)]
        M1 { value: u16 },
        #[server(S0 => S3)]
        M2 { value: u32 },
        #[client(S3 => S4)]
        M3 { value: u64 },
        #[server(S1 => End)]
        M4 { value: u8 },
        #[client(S2 => S0)]
        M5 { value: u16 },
        #[server(S4 => End)]
        M6 { value: u32 },
        #[server(S1 => S1, window = 2)]
        M7 { value: u64 },
    }
}

#[test]
fn contract_11_has_the_depths_that_its_peers_reach() {
    assert_eq!(depths::<contract_11::Sketch>(), [3, 1]);
}
