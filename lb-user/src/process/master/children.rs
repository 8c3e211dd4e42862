//! The workers that a master has, and what their ends mean.

use nix::sys::wait::WaitStatus;

use crate::language::Severity;

/// A worker process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    pub pid: i32,
    /// How many reloads it has lived through.
    pub reloads: u32,
    /// When it was forked, in seconds since the epoch.
    pub started: u64,
    /// Does it serve the configuration in force? Others are finishing.
    pub current: bool,
}

/// All worker processes, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Children(Vec<Child>);

/// The end of a worker, told to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obituary {
    /// As a shell counts it: 128 and the signal's number where a signal ended it.
    pub code: i32,
    pub was_current: bool,
    pub severity: Severity,
    pub text: String,
}

impl Obituary {
    /// Did it end in a way that nobody asked for?
    pub fn is_failure(&self) -> bool {
        const ASKED_FOR: [i32; 3] = [0, 128 + libc::SIGINT, 128 + libc::SIGTERM];
        self.was_current && !ASKED_FOR.contains(&self.code)
    }
}

impl Children {
    /// Adds the worker of the configuration in force.
    pub fn add(&mut self, pid: i32, started: u64) {
        self.0.push(Child {
            pid,
            reloads: 0,
            started,
            current: true,
        });
    }

    /// Another configuration is about to be read: everyone has lived through one more reload.
    pub fn grow_old(&mut self) {
        for child in &mut self.0 {
            child.current = false;
            child.reloads += 1;
        }
    }

    /// The new configuration is bad: the youngest goes on serving.
    pub fn rejuvenate(&mut self) {
        if let Some(child) = self.0.last_mut() {
            child.current = true;
        }
    }

    /// The workers, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Child> {
        self.0.iter()
    }

    /// Is no worker left?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets a worker that has ended, if it was one.
    pub fn bury(&mut self, status: WaitStatus) -> Option<Obituary> {
        let (pid, code) = match status {
            WaitStatus::Exited(pid, code) => (pid, code),
            WaitStatus::Signaled(pid, signal, _) => (pid, 128 + signal as i32),
            _ => return None,
        };
        let index = self.0.iter().position(|child| child.pid == pid.as_raw())?;
        let child = self.0.remove(index);
        let which = if child.current { "Current" } else { "Former" };
        let severity = match code {
            0 => Severity::Warning,
            _ if child.current => Severity::Alert,
            _ => Severity::Warning,
        };
        Some(Obituary {
            code,
            was_current: child.current,
            severity,
            text: format!("{which} worker ({pid}) exited with code {code} ({})", cause(code)),
        })
    }
}

impl FromIterator<Child> for Children {
    fn from_iter<I: IntoIterator<Item = Child>>(children: I) -> Children {
        Children(children.into_iter().collect())
    }
}

/// The words for an exit code.
fn cause(code: i32) -> &'static str {
    match code - 128 {
        libc::SIGINT => "Interrupt",
        libc::SIGTERM => "Terminated",
        libc::SIGKILL => "Killed",
        libc::SIGABRT => "Aborted",
        libc::SIGSEGV => "Segmentation fault",
        libc::SIGBUS => "Bus error",
        libc::SIGILL => "Illegal instruction",
        libc::SIGFPE => "Floating point exception",
        number if number > 0 => "Signal",
        _ => "Exit",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::Signal;
    use nix::unistd::Pid;

    #[test]
    fn ends_are_told_apart() {
        let mut children = Children::default();
        children.add(10, 0);
        children.grow_old();
        children.add(11, 0);
        let exited = |pid, code| WaitStatus::Exited(Pid::from_raw(pid), code);

        assert_eq!(children.bury(exited(99, 0)), None);
        let former = children.bury(exited(10, 1)).unwrap();
        assert_eq!(former.text, "Former worker (10) exited with code 1 (Exit)");
        assert!(!former.is_failure());

        let crashed = WaitStatus::Signaled(Pid::from_raw(11), Signal::SIGSEGV, true);
        let current = children.bury(crashed).unwrap();
        assert_eq!(
            current.text,
            "Current worker (11) exited with code 139 (Segmentation fault)"
        );
        assert_eq!(current.severity, Severity::Alert);
        assert!(current.is_failure() && children.is_empty());
    }

    #[test]
    fn an_end_that_was_asked_for_is_no_failure() {
        for (signal, failure) in [
            (Signal::SIGINT, false),
            (Signal::SIGTERM, false),
            (Signal::SIGKILL, true),
        ] {
            let mut children = Children::default();
            children.add(11, 0);
            let end = children
                .bury(WaitStatus::Signaled(Pid::from_raw(11), signal, false))
                .unwrap();
            assert_eq!(end.is_failure(), failure, "{signal}");
        }
    }

    #[test]
    fn a_failed_reload_leaves_the_youngest_in_charge() {
        let mut children = Children::default();
        children.add(10, 0);
        children.grow_old();
        children.add(11, 0);
        children.grow_old();
        children.rejuvenate();
        let current: Vec<_> = children
            .iter()
            .map(|child| (child.pid, child.current, child.reloads))
            .collect();
        assert_eq!(current, [(10, false, 2), (11, true, 1)]);
    }
}
