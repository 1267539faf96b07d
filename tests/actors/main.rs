//! The program that scenarios have supervised: it misbehaves on demand. Static, so that it runs in an
//! image that holds nothing else.

mod family;
mod greed;
mod notify;
mod output;
mod signals;
mod socket;

use std::process::ExitCode;

const HELP: &str = "\
usage: actor VERB [ARGUMENT...]
  exit N            end with this code
  end-by SIGNAL     end by this signal
  last-word TEXT    write a text without a newline and end
  both              write to standard output and standard error in turn
  flood             write numbered lines without end
  lines N           write N numbered lines and end
  one-line BYTES    write one line of that length and end
  wait              say `ready` and wait for a signal
  deaf              say `ready` and ignore every signal that can be ignored
  tell              say which signals come, and end well after TERM
  freeze            say `ready` and stop itself
  parent            start `actor wait` as a child, and wait
  orphans N         leave N dead orphans to init, say `orphaned`, and wait
  daemon            leave a daemon behind that holds the output open, and end
  deaf-daemon       the same with a daemon that ignores signals
  fill              take every process there is, say `full`, give them back after USR1, and wait
  eat MEGABYTES     take that much memory, say `ready`, and wait
  notify SEED N     send N messages of random bytes to the notify socket, then READY=1, and wait
  notify-all DIR    send each file of a directory to the notify socket, then READY=1, and wait
  answer TEXT       accept one connection of the socket at descriptor 3, write a text to it, end
  say SOCKET LINE   send a line to a unix socket, a path or @NAME, and write its answer's first
  exists PATH       end with 0 if there is such a file, else with 1
  variable NAME     write a variable
  here              write the working directory, the user's id and the process id
  no-init CMD...    start a command and wait for nothing but it: an init that reaps no orphans
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["exit", code] => return code.parse::<u8>().unwrap_or(64).into(),
        ["end-by", signal] => signals::end_by(signal),
        ["last-word", text] => output::last_word(text),
        ["both"] => output::both(),
        ["flood"] => output::lines(u64::MAX),
        ["lines", count] => output::lines(count.parse().unwrap_or(0)),
        ["one-line", length] => output::one_line(length.parse().unwrap_or(0)),
        ["wait"] => signals::wait(),
        ["deaf"] => signals::deaf(),
        ["tell"] => signals::tell(),
        ["freeze"] => signals::freeze(),
        ["parent"] => family::parent(),
        ["orphans", count] => family::orphans(count.parse().unwrap_or(0)),
        ["daemon"] => family::daemon("wait"),
        ["deaf-daemon"] => family::daemon("deaf"),
        ["fill"] => greed::fill(),
        ["eat", megabytes] => greed::eat(megabytes.parse().unwrap_or(0)),
        ["notify", seed, count] => {
            notify::random(seed.parse().unwrap_or(0), count.parse().unwrap_or(0));
        }
        ["notify-all", directory] => notify::files(directory.as_ref()),
        ["answer", text] => output::answer(text),
        ["say", to, line] => socket::say(to, line),
        ["exists", path] => return u8::from(!std::path::Path::new(path).exists()).into(),
        ["variable", name] => println!("{}", std::env::var(name).unwrap_or_default()),
        ["here"] => output::here(),
        ["no-init", command @ ..] => return family::no_init(command),
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(64);
        }
    }
    ExitCode::SUCCESS
}
