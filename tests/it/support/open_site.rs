//! A configuration without tokens: one upstream, one route that anybody may use.

/// More lines for each block; dotted keys reach its tables (`deadlines.idle = "1s"`).
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenSite<'a> {
    pub listener: &'a str,
    pub upstream: &'a str,
    pub route: &'a str,
    /// Further blocks.
    pub rest: &'a str,
}

impl OpenSite<'_> {
    /// The text of the configuration that sends everything to `servers`.
    pub fn text<S: AsRef<str>>(&self, servers: &[S]) -> String {
        let servers: Vec<String> = servers.iter().map(|server| format!("\"{}\"", server.as_ref())).collect();
        let Self { listener, upstream, route, rest } = self;
        format!(
            "[[listener]]\nname = \"plain\"\naddress = \"127.0.0.1:0\"\nhttp2 = true\n{listener}\n\
             [admin]\naddress = \"127.0.0.1:0\"\n\n[runtime]\nworkers = 1\n\n\
             [[upstream]]\nname = \"site\"\nservers = [{}]\n{upstream}\n\
             [[route]]\nname = \"all\"\npath = \"/\"\nupstream = \"site\"\nanonymous = true\n{route}\n{rest}",
            servers.join(", ")
        )
    }
}
