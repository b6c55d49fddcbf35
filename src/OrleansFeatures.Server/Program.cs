using System.CommandLine;
using System.CommandLine.Invocation;
using System.Runtime.InteropServices;
using OrleansFeatures.Server.Commands;
using OrleansFeatures.Server.Output;

namespace OrleansFeatures.Server;

/// <summary>The entry of <c>orleans-features</c>: finds the command, runs it, and turns failures into one line and an exit code.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] arguments)
    {
        using var stop = new CancellationTokenSource();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Stop(context, stop));
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, stop));
        ParseResult parsed = RootCommands.Create().Parse(arguments);
        if (parsed.Action is ParseErrorAction)
        {
            Terminal.Remark($"orleans-features: {RootCommands.Explain(parsed)}");
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
            Terminal.Remark($"orleans-features: {failure.Message}");
            return (int)failure.Code;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            Terminal.Remark("orleans-features: interrupted");
            return (int)ExitCode.Refused;
        }
    }

    /// <summary>The first signal asks the command to end; a second one ends the process as usual.</summary>
    private static void Stop(PosixSignalContext context, CancellationTokenSource stop)
    {
        context.Cancel = !stop.IsCancellationRequested;
        stop.Cancel();
    }
}
