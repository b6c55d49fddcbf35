using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;
using OrleansFeatures.Server.Output;

namespace OrleansFeatures.Server.Commands;

/// <summary>From a command line to an exit code: finds the command, runs it, and turns failures into one line. The same for every program of the store.</summary>
internal static class CommandLine
{
    /// <param name="program">Its name, as its users type it.</param>
    /// <param name="root">Its commands.</param>
    /// <param name="arguments">What was typed behind the name.</param>
    public static async Task<int> RunAsync(string program, RootCommand root, string[] arguments)
    {
        using var stop = new CancellationTokenSource();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Stop(context, stop));
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, stop));
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples(program, (HelpAction)help.Action!);
        ParseResult parsed = root.Parse(arguments);
        if (parsed.Action is ParseErrorAction)
        {
            Terminal.Remark($"{program}: {Explain(parsed)}");
            return (int)ExitCode.Usage;
        }

        try
        {
            // Signals are ours: the library would end the process before a server has drained.
            var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            return await parsed.InvokeAsync(configuration, stop.Token).ConfigureAwait(false);
        }
        catch (CommandFailure failure)
        {
            Terminal.Remark($"{program}: {failure.Message}");
            return (int)failure.Code;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Terminal.Remark($"{program}: interrupted");
            return (int)ExitCode.Refused;
        }
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

    /// <summary>The first signal asks the command to end; a second one ends the process as usual.</summary>
    private static void Stop(PosixSignalContext context, CancellationTokenSource stop)
    {
        context.Cancel = !stop.IsCancellationRequested;
        stop.Cancel();
    }
}
