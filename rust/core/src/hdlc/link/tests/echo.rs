//! A line where everybody hears everybody, with different addresses and with the same octet for both.

use super::*;

/// A client and a server on a line with an echo.
struct Line {
    client: Link,
    server: Link,
    /// Frames that the line gives back damaged, counted from the first.
    damaged: fn(usize) -> bool,
    frames: usize,
}

impl Line {
    fn new(client_sap: u8, parameters: Parameters, damaged: fn(usize) -> bool) -> Self {
        let config = Config {
            parameters,
            ..Config::between(Address::client(client_sap).expect("fits"), server_address())
        };
        Self {
            client: Link::new(Role::Client, config.clone()),
            server: Link::new(Role::Server, config),
            damaged,
            frames: 0,
        }
    }

    /// What comes back to who has said `octets`.
    fn echo(&mut self, octets: &[u8]) -> Vec<u8> {
        let (mut echo, mut rest) = (Vec::new(), octets);
        while !rest.is_empty() {
            let length = 2 + usize::from(u16::from_be_bytes([rest[1], rest[2]]) & 0x07FF);
            let (frame, behind) = rest.split_at(length);
            rest = behind;
            let mut frame = frame.to_vec();
            if (self.damaged)(self.frames) {
                frame[5] ^= 0x40;
            }
            self.frames += 1;
            echo.extend(frame);
        }
        echo
    }

    /// Carries what the client says, and all that follows from it; answers each request by `answer`.
    fn carry(&mut self, mut said: Vec<u8>, answer: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while !said.is_empty() {
            let echo = self.echo(&said);
            let (early, more) = feed(&mut self.client, &echo).expect("no error");
            assert_eq!((early, more), (vec![], vec![]), "an echo means nothing");
            let (at_server, mut answered) = feed(&mut self.server, &said).expect("no error");
            if at_server.contains(&Event::Apdu) {
                answered.extend(send(&mut self.server, answer));
            }
            let echo = self.echo(&answered);
            assert_eq!(
                feed(&mut self.server, &echo),
                Ok((vec![], vec![])),
                "an echo means nothing"
            );
            let (told, next) = feed(&mut self.client, &answered).expect("no error");
            events.extend(told);
            said = next;
        }
        events
    }
}

fn conversation(client_sap: u8, parameters: Parameters, damaged: fn(usize) -> bool) -> Line {
    let mut line = Line::new(client_sap, parameters, damaged);
    let mut snrm = Vec::new();
    line.client.connect(&mut snrm).expect("a client can");
    assert_eq!(line.carry(snrm, &[]), [Event::Connected(parameters)]);
    for number in 1..20_u8 {
        let asked = send(&mut line.client, &[number; 90]);
        let mut events = line.carry(asked, &[number; 200]);
        while events.is_empty() {
            // Where an echo was damaged, the same octets of the peer were taken for it.
            let again = time_out(&mut line.client).expect("not given up");
            events = line.carry(again, &[number; 200]);
        }
        assert_eq!(events, [Event::Apdu]);
        assert_eq!(*line.client.message(), [number; 200]);
        assert_eq!(*line.server.message(), [number; 90]);
        let mut poll = Vec::new();
        assert!(line.client.keep_alive(&mut poll));
        assert_eq!(line.carry(poll, &[]), []);
        while !line.client.is_idle() {
            let again = time_out(&mut line.client).expect("not given up");
            assert_eq!(line.carry(again, &[]), []);
        }
    }
    let mut disc = Vec::new();
    line.client.disconnect(&mut disc);
    assert_eq!(line.carry(disc, &[]).len(), 1);
    line
}

// proves: hdlc-echo
#[test]
fn l_21_every_frame_of_a_conversation_comes_back_to_its_sender() {
    for client_sap in [16, 1] {
        for parameters in [symmetric(32, 1), symmetric(32, 3), symmetric(300, 7)] {
            let line = conversation(client_sap, parameters, |_| false);
            let echoes = [&line.client, &line.server].map(|link| link.statistics().echoes);
            assert_eq!(
                usize::try_from(echoes[0] + echoes[1]).expect("few"),
                line.frames,
                "client {client_sap}"
            );
        }
    }
}

#[test]
fn l_21_an_echo_that_is_damaged_does_not_let_the_next_one_in() {
    // Never the first one: that the line has an echo is learnt from SNRM or UA.
    for client_sap in [16, 1] {
        conversation(client_sap, symmetric(32, 3), |number| {
            number > 1 && number % 3 == 0
        });
    }
}

#[test]
fn l_21_without_an_echo_equal_octets_of_the_peer_are_the_peers() {
    let config = Config::between(Address::client(1).expect("fits"), server_address());
    let (mut client, mut server) = (
        Link::new(Role::Client, config.clone()),
        Link::new(Role::Server, config),
    );
    let mut snrm = Vec::new();
    client.connect(&mut snrm).expect("a client can");
    let (_, ua) = feed(&mut server, &snrm).expect("no error");
    feed(&mut client, &ua).expect("no error");
    let mut poll = Vec::new();
    assert!(client.keep_alive(&mut poll));
    let (_, ready) = feed(&mut server, &poll).expect("no error");
    assert_eq!(ready, poll, "the same octets, said by the other side");
    assert_eq!(feed(&mut client, &ready), Ok((vec![], vec![])));
    assert!(client.is_idle(), "the turn has come back");
    assert_eq!(client.statistics().echoes, 0);
}

#[test]
fn l_21_an_echo_is_known_by_our_own_address() {
    let mut client = connected_client(symmetric(UP, 1));
    let sent = send(&mut client, &[1; 5]);
    assert_eq!(feed(&mut client, &sent), Ok((vec![], vec![])));
    assert_eq!(client.statistics().echoes, 1);
    assert_eq!(
        feed(&mut client, &frame(Role::Server, i(0, 1), &answer(1))),
        Ok((vec![Event::Apdu], vec![]))
    );

    let mut server = connected_server(symmetric(UP, 1));
    assert_eq!(
        feed(&mut server, &frame(Role::Server, rr(0), &[])),
        Ok((vec![], vec![]))
    );
    assert_eq!(server.statistics().echoes, 1);
}
