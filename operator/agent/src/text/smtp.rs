//! A conversation with a mail server (RFC 5321): what is said to see whether it relays, and what its replies mean.

/// What is said after the greeting and `EHLO`: a sender and a recipient, and nothing more, so that no mail is sent.
/// `None` where an address could say something else.
#[must_use]
pub fn envelope(from: &str, to: &str) -> Option<Vec<String>> {
    let is_plain = |address: &str| address.chars().all(|sign| sign.is_ascii_graphic() && !"<>".contains(sign));
    (is_plain(from) && is_plain(to)).then(|| vec![format!("MAIL FROM:<{from}>"), format!("RCPT TO:<{to}>")])
}

/// Whether a reply says yes: its code begins with 2.
#[must_use]
pub fn is_positive(reply: &str) -> bool {
    let code: Vec<char> = reply.chars().take(3).collect();
    code.len() == 3 && code[0] == '2' && code.iter().all(char::is_ascii_digit)
}

/// Whether the server took the envelope, and the reply on which that rests. It did if greeting, `EHLO` and each of so many
/// commands were answered, and each with yes.
#[must_use]
pub fn verdict(replies: &[String], commands: usize) -> (bool, String) {
    let accepted = replies.len() == commands.saturating_add(2) && replies.iter().all(|reply| is_positive(reply));
    let refusal = replies.iter().find(|reply| !is_positive(reply)).or_else(|| replies.last());
    let reply = refusal.map_or("the server said nothing", |reply| reply.trim());
    (accepted, reply.lines().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{envelope, is_positive, verdict};

    fn replies(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_server_relays_if_it_says_yes_to_the_very_end() {
        let yes = replies(&["220 mail", "250-mail\r\n250 SIZE", "250 ok", "250 ok, will relay\r\n"]);
        assert_eq!(verdict(&yes, 2), (true, "250 ok, will relay".to_owned()));
        assert!(!verdict(&yes[..3], 2).0, "the recipient was never answered");
        let no = replies(&["220 mail", "250 mail", "250 ok", "550 5.7.1\r\nrelaying denied"]);
        assert_eq!(verdict(&no, 2), (false, "550 5.7.1 relaying denied".to_owned()));
        assert_eq!(verdict(&[], 2), (false, "the server said nothing".to_owned()));
        assert!(!is_positive("354 go on") && !is_positive("25") && !is_positive("2x0"));
    }

    #[test]
    fn an_address_says_nothing_but_itself() {
        assert_eq!(envelope("a@b.example", "c@d.example").unwrap()[1], "RCPT TO:<c@d.example>");
        assert_eq!(envelope("a@b.example\r\nDATA", "c@d.example"), None);
        assert_eq!(envelope("a@b.example", "c@d.example> NOTIFY=<"), None);
    }

    proptest! {
        #[test]
        fn any_replies_have_a_verdict(all in proptest::collection::vec(any::<String>(), 0..6), commands in 0..4_usize) {
            let (accepted, _) = verdict(&all, commands);
            prop_assert!(!accepted || all.iter().all(|reply| reply.starts_with('2')));
        }
    }
}
