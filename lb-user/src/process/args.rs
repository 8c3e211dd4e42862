//! The command line, as HAProxy's management guide describes it in section 3.

use std::fmt;

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Run(Box<Args>),
    /// `-v`
    Version,
    /// `-vv`
    VersionDetails,
}

/// The options of a start or of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    /// `-f` and `--`: configuration files and directories, in order.
    pub files: Vec<String>,
    /// `-C`: the directory to change to before anything is read.
    pub directory: Option<String>,
    /// `-c`
    pub check: bool,
    /// `-d` and `-db`: stay in the foreground.
    pub foreground: bool,
    /// `-dD`
    pub diagnostics: bool,
    /// `-dW`
    pub zero_warning: bool,
    /// `-dr`: a server whose name does not resolve starts without an address.
    pub ignore_resolution: bool,
    /// `-dR`
    pub no_reuse_port: bool,
    /// `-D`
    pub daemon: bool,
    /// `-V` and `-q`; the later of them counts.
    pub verbosity: Verbosity,
    /// `-W` and `-Ws`
    pub master: Option<MasterMode>,
    /// `-S`: the master's runtime API sockets, each with its bind options, commas between them.
    pub master_cli: Vec<String>,
    /// `-p`
    pub pidfile: Option<String>,
    /// `-L`
    pub local_peer: Option<String>,
    /// `-n`: connections of the process.
    pub max_connections: Option<u32>,
    /// `-N`: connections of each proxy that sets none.
    pub default_max_connections: Option<u32>,
    /// `-m`: MiB of memory.
    pub memory: Option<u64>,
    /// `-sf` and `-st`: what becomes of the processes that this one replaces.
    pub old: Option<Old>,
    /// `-x`: the runtime API socket of a running process whose listeners are taken over.
    pub listeners_from: Option<String>,
}

/// How much is said at startup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    #[default]
    Normal,
    Quiet,
    Verbose,
}

/// Who learns of a master's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MasterMode {
    Plain,
    /// Tells systemd about readiness and reloads.
    Systemd,
}

/// The processes to replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Old {
    pub ending: Ending,
    pub pids: Vec<i32>,
}

/// How old processes are asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// `-sf`: they finish what they are doing.
    Finish,
    /// `-st`: at once.
    Terminate,
}

/// A command line that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The usage text says it all.
    Usage,
    Message(String),
}

/// Reads the arguments that follow the program's name.
pub fn parse(arguments: &[String]) -> Result<Command, Mistake> {
    let mut args = Args::default();
    let mut rest = arguments.iter().map(String::as_str).peekable();
    while let Some(option) = rest.next() {
        let mut value = || {
            rest.next()
                .map(str::to_owned)
                .ok_or_else(|| Mistake::Message(format!("'{option}' expects an argument.")))
        };
        match option {
            "-v" => return Ok(Command::Version),
            "-vv" => return Ok(Command::VersionDetails),
            "-f" => args.files.push(value()?),
            "-C" => args.directory = Some(value()?),
            "-L" => args.local_peer = Some(value()?),
            "-p" => args.pidfile = Some(value()?),
            "-x" => args.listeners_from = Some(value()?),
            "-S" => args.master_cli.push(value()?),
            "-n" => args.max_connections = Some(number(option, &value()?)?),
            "-N" => args.default_max_connections = Some(number(option, &value()?)?),
            "-m" => args.memory = Some(number(option, &value()?)?),
            "-c" => args.check = true,
            "-D" | "-Ds" => args.daemon = true,
            "-V" => args.verbosity = Verbosity::Verbose,
            "-q" => args.verbosity = Verbosity::Quiet,
            "-W" => args.master = Some(MasterMode::Plain),
            "-Ws" => args.master = Some(MasterMode::Systemd),
            "-sf" | "-st" => {
                let mut pids = Vec::new();
                while let Some(pid) = rest.next_if(|argument| !argument.starts_with('-')) {
                    pids.push(number(option, pid)?);
                }
                let ending = if option == "-sf" {
                    Ending::Finish
                } else {
                    Ending::Terminate
                };
                args.old = Some(Old { ending, pids });
            }
            "--" => args.files.extend(rest.by_ref().map(str::to_owned)),
            _ => match option.strip_prefix("-d") {
                Some(letters) => args.debugging(letters),
                None => return Err(Mistake::Usage),
            },
        }
    }
    match args.files.is_empty() {
        true => Err(Mistake::Usage),
        false => Ok(Command::Run(Box::new(args))),
    }
}

fn number<T: std::str::FromStr>(option: &str, text: &str) -> Result<T, Mistake> {
    text.parse()
        .map_err(|_| Mistake::Message(format!("'{option}' expects a number, not '{text}'.")))
}

impl Args {
    /// The `-d` family. Letters that tune what this program does not have (pollers, splicing, memory poisoning, TLS to
    /// servers) are taken without effect, as are unknown ones: they only ever help to debug.
    fn debugging(&mut self, letters: &str) {
        match letters {
            "" | "b" => self.foreground = true,
            "D" => self.diagnostics = true,
            "W" => self.zero_warning = true,
            "r" => self.ignore_resolution = true,
            "R" => self.no_reuse_port = true,
            _ => {}
        }
    }

    /// A master that reads its configuration again has already replaced whom it was started to replace.
    pub fn forget_predecessors(&mut self) {
        self.old = None;
        self.listeners_from = None;
    }

    /// Does the process leave the terminal, if the configuration asks for it or the command line does?
    pub fn daemonizes(&self, configured: bool) -> bool {
        (self.daemon || configured) && !self.foreground
    }
}

/// What the program answers to a command line that it does not understand.
pub struct Usage;

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(USAGE)
    }
}

const USAGE: &str = "\
Usage: lb [-f <file|directory>]... [options] [-- <file|directory>...]
       lb explain|keywords|ctl ...      see 'lb explain --help' and so on

  -f <file|directory>    read this configuration file, or the *.cfg files of this directory
  -- <file|directory>... the same for all that follows
  -c                     check the configuration and exit
  -C <directory>         change to this directory first
  -D                     go to the background
  -d, -db                stay in the foreground
  -dD                    diagnostics: point out suspicious statements
  -dW                    refuse to start when there are warnings
  -dr                    start servers whose names do not resolve without an address
  -dR                    do not use SO_REUSEPORT
  -dV                    do not verify the certificates of servers (without effect: there is no TLS to servers yet)
  -L <name>              name of the local peer (the host's name otherwise)
  -m <megabytes>         limit the memory
  -n <connections>       limit the connections of the process
  -N <connections>       limit the connections of each proxy that sets no limit
  -p <file>              write the process's identifier into this file
  -q, -V                 be quiet, be verbose
  -S <bind>[,<option>]   runtime API of the master (with -W)
  -sf, -st [<pid>]...    when ready, ask these processes to finish, to terminate
  -v, -vv                show the version, and how the program was built
  -W, -Ws                master-worker mode, with notifications for systemd
  -x <socket>            take over the listeners of the process behind this socket
";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str) -> Result<Command, Mistake> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&arguments)
    }

    fn run(line: &str) -> Args {
        match parse_line(line) {
            Ok(Command::Run(args)) => *args,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn what_drivers_use() {
        let args = run("-d -dM -f /tmp/t/cfg");
        assert!(args.foreground && !args.daemonizes(true));
        assert_eq!(args.files, ["/tmp/t/cfg"]);

        let args = run("-W -S fd@7 -f cfg -p pid");
        assert_eq!(args.master, Some(MasterMode::Plain));
        assert_eq!(args.master_cli, ["fd@7"]);
        assert_eq!(args.pidfile.as_deref(), Some("pid"));

        let args = run("-D -f a -f b -sf 12 34 -V -- c -f");
        assert!(args.daemonizes(false));
        assert_eq!(args.files, ["a", "b", "c", "-f"]);
        assert_eq!(
            args.old,
            Some(Old {
                ending: Ending::Finish,
                pids: vec![12, 34]
            })
        );
        assert_eq!(args.verbosity, Verbosity::Verbose);
    }

    #[test]
    fn every_option() {
        let args = run(
            "-f x -C /d -c -db -dD -dW -dr -dR -dV -dG -de -dp -dS -dL -dZ -q -Ws -L me -n 10 -N 20 -m 30 -st -x /s",
        );
        let expected = Args {
            files: vec!["x".to_owned()],
            directory: Some("/d".to_owned()),
            check: true,
            foreground: true,
            diagnostics: true,
            zero_warning: true,
            ignore_resolution: true,
            no_reuse_port: true,
            daemon: false,
            verbosity: Verbosity::Quiet,
            master: Some(MasterMode::Systemd),
            master_cli: Vec::new(),
            pidfile: None,
            local_peer: Some("me".to_owned()),
            max_connections: Some(10),
            default_max_connections: Some(20),
            memory: Some(30),
            old: Some(Old {
                ending: Ending::Terminate,
                pids: Vec::new(),
            }),
            listeners_from: Some("/s".to_owned()),
        };
        assert_eq!(args, expected);
    }

    #[test]
    fn versions_need_no_file() {
        assert_eq!(parse_line("-v"), Ok(Command::Version));
        assert_eq!(parse_line("-vv"), Ok(Command::VersionDetails));
    }

    #[test]
    fn mistakes() {
        for line in ["", "--", "foo", "-f a b", "-Z", "-c", "--help"] {
            assert_eq!(parse_line(line), Err(Mistake::Usage), "{line}");
        }
        for (line, message) in [
            ("-f", "'-f' expects an argument."),
            ("-f a -n x", "'-n' expects a number, not 'x'."),
            ("-f a -sf 1 2x", "'-sf' expects a number, not '2x'."),
        ] {
            assert_eq!(parse_line(line), Err(Mistake::Message(message.to_owned())), "{line}");
        }
    }
}
