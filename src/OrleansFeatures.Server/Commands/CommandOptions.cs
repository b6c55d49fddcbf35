using System.CommandLine;
using OrleansFeatures.Server.Output;

namespace OrleansFeatures.Server.Commands;

/// <summary>Options and wrapping that every command shares.</summary>
internal static class CommandOptions
{
    public static Option<string> Server() => new("--server")
    {
        Description = "Address of the store's gRPC port.",
        HelpName = "URL",
        DefaultValueFactory = _ => Limits.DefaultServer,
    };

    public static Option<string> Output()
    {
        var option = new Option<string>("--output") { Description = "How to print the result.", DefaultValueFactory = _ => "table" };
        option.AcceptOnlyFromAmong("table", "json");
        return option;
    }

    public static Option<string[]> Map(string example) => new("--map")
    {
        Description = $"Column that holds a field, when it is not named like it. May be repeated. {example}",
        HelpName = "field=column",
        DefaultValueFactory = _ => [],
    };

    public static Option<string> Required(string name, string helpName, string description) =>
        new(name) { Description = description, HelpName = helpName, Required = true };

    /// <summary>A command whose help ends with examples and whose failures end as one line and an exit code.</summary>
    public static Command Command(string name, string description, string[] examples, IEnumerable<Option> options, Func<ParseResult, Terminal, CancellationToken, Task<ExitCode>> run)
    {
        Option<string> output = Output();
        var command = new DocumentedCommand(name, description, examples);
        foreach (Option option in options.Append(output))
        {
            command.Options.Add(option);
        }

        command.SetAction(async (parsed, cancellationToken) =>
        {
            var terminal = new Terminal(parsed.GetValue(output) == "json");
            return (int)await run(parsed, terminal, cancellationToken).ConfigureAwait(false);
        });
        return command;
    }

    /// <summary>A command that only holds others.</summary>
    public static Command Group(string name, string description, params Command[] commands)
    {
        var group = new Command(name, description);
        foreach (Command command in commands)
        {
            group.Subcommands.Add(command);
        }

        return group;
    }
}
