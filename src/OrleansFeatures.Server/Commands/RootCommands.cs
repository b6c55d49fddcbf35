using System.CommandLine;
using System.CommandLine.Help;

namespace OrleansFeatures.Server.Commands;

/// <summary>Every command of <c>orleans-features</c>.</summary>
internal static class RootCommands
{
    public static RootCommand Create()
    {
        var root = new RootCommand("A streaming feature store: events in, exact rolling features out.")
        {
            ServeCommand.Create(),
            DemoCommand.Create(),
            PlanCommand.Create(),
            ApplyCommand.Create(),
            PushCommand.Create(),
            GetCommand.Create(),
            TrainingCommand.Create(),
            QuarantineCommand.Create(),
            LateCommand.Create(),
            StatusCommand.Create(),
            InspectCommand.Create(),
            ReconcileCommand.Create(),
            CheckpointCommand.Create(),
            ReplayCommand.Create(),
            LogCommand.Create(),
            StateCommand.Create(),
        };
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }

    /// <summary>What is wrong with a command line, in one line.</summary>
    public static string Explain(ParseResult parsed)
    {
        string? unknown = parsed.UnmatchedTokens.FirstOrDefault(token => !token.StartsWith('-'));
        if (parsed.CommandResult.Command is { Subcommands.Count: > 0 } group)
        {
            string kind = group is RootCommand ? "command" : $"command of {group.Name}";
            string names = string.Join(", ", group.Subcommands.Select(command => command.Name));
            return unknown is null
                ? $"expected a {kind}: {names} (see --help)"
                : $"there is no {kind} '{unknown}'{Suggestion.For(unknown, group.Subcommands.Select(command => command.Name))} (there are: {names}; see --help)";
        }

        IEnumerable<string> messages = parsed.Errors.Select(error => string.Join(' ', error.Message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
        return $"{string.Join(" ", messages)} (see {parsed.CommandResult.Command.Name} --help)";
    }
}
