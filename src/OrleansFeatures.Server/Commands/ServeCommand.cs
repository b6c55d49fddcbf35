using System.CommandLine;
using System.Runtime.InteropServices;
using OrleansFeatures.Gateway.Rest;
using OrleansFeatures.Log;
using OrleansFeatures.Server.Hosting;
using OrleansFeatures.Server.Output;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>serve</c>: a store in this process, until a signal ends it.</summary>
internal static class ServeCommand
{
    private static readonly Option<string> Data = CommandOptions.Required("--data", "DIR", "Where the store keeps its data; created when missing. One process owns it at a time.");
    private static readonly Option<string?> Definitions = new("--definitions") { Description = "Definitions to apply at start: a directory of *.yaml files. Without it the store keeps those it has.", HelpName = "DIR" };
    private static readonly Option<int> Grpc = Port("--grpc", "gRPC", Limits.DefaultGrpcPort);
    private static readonly Option<int> Http = Port("--http", "REST, health and readiness", Limits.DefaultHttpPort);

    private static readonly Option<string[]> Backfill = new("--backfill-producer")
    {
        Description = "A producer that may state when its events arrived, for history that is filled in. May be repeated; * is everyone.",
        HelpName = "NAME",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<string[]> Cors = new("--cors-origin")
    {
        Description = "An origin whose pages may use REST from a browser, as https://console.example.com. May be repeated; * is every page. None without it.",
        HelpName = "ORIGIN",
        DefaultValueFactory = _ => [],
    };

    private static readonly Option<string?> MemoryBudget = new("--memory-budget")
    {
        Description = "Memory for entities, as 4GB or 512MB; over it, those that nobody wants sleep on disk, and no value changes. Half of the machine's (or container's) without it.",
        HelpName = "BYTES",
    };

    private static readonly Option<string?> EntityMemoryBudget = new("--entity-memory-budget")
    {
        Description = $"The same for the events of any one entity. {ByteSize.Text(Entities.Limits.EntityBudgetBytesDefault)} without it.",
        HelpName = "BYTES",
    };

    public static Command Create() => CommandOptions.Command(
        "serve",
        "Run a store. Prints one line with its addresses when it is ready; SIGTERM or Ctrl-C stops it after its calls have ended.",
        ["serve --data data --definitions definitions/fraud", "serve --data data --grpc 0 --http 0", "serve --data data --backfill-producer history", "serve --data data --memory-budget 8GB --entity-memory-budget 128MB", "serve --data data --checkpoint-interval 30s --history 90d", "serve --data data --recover skip"],
        [Data, Definitions, Grpc, Http, Backfill, Cors, MemoryBudget, EntityMemoryBudget, .. DurabilityOptions.All, .. AdmissionOptions.All],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        var options = new ServeOptions(
            parsed.GetValue(Data)!, parsed.GetValue(Definitions),
            RequirePort("--grpc", parsed.GetValue(Grpc)), RequirePort("--http", parsed.GetValue(Http)))
        {
            BackfillProducers = parsed.GetValue(Backfill)!,
            CorsOrigins = OriginsOf(parsed.GetValue(Cors)!),
        };
        options = options with
        {
            MemoryBudgetBytes = BytesOf("--memory-budget", parsed.GetValue(MemoryBudget)) ?? options.MemoryBudgetBytes,
            EntityBudgetBytes = BytesOf("--entity-memory-budget", parsed.GetValue(EntityMemoryBudget)) ?? options.EntityBudgetBytes,
        };
        options = AdmissionOptions.Apply(parsed, DurabilityOptions.Apply(parsed, options));
        if (options.DefinitionsDirectory is { } directory)
        {
            // Reading them here says at once what is wrong with the path; the server reads them again.
            DefinitionFiles.Load(directory);
        }

        using PosixSignalRegistration? fileSizes = SurviveFileSizeLimit();
        EmbeddedServer server = await StartAsync(options, cancellationToken).ConfigureAwait(false);
        try
        {
            foreach (string loss in server.Losses)
            {
                Terminal.Remark($"orleans-features: lost with skipped damage: {loss}");
            }

            terminal.Write($"ready grpc={Address(server.GrpcAddress)} http={Address(server.HttpAddress)}");
            await UntilStoppedAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await StopAsync(server).ConfigureAwait(false);
        }

        return ExitCode.Ok;
    }

    private static string[] OriginsOf(string[] given) => Array.Find(given, origin => !CrossOrigin.IsOrigin(origin)) is { } wrong
        ? throw CommandFailure.Usage($"--cors-origin {wrong}: expected a scheme, a host and perhaps a port, as http://localhost:3000, or *")
        : given;

    /// <summary>Starts the store; what keeps it from starting arrives as a <see cref="CommandFailure"/>.</summary>
    public static async Task<EmbeddedServer> StartAsync(ServeOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return await EmbeddedServer.StartAsync(options, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is ServerStartException or LogException)
        {
            throw CommandFailure.Refused(exception.Message, exception);
        }
        catch (IOException exception)
        {
            string ports = exception.InnerException is Microsoft.AspNetCore.Connections.AddressInUseException
                ? $"; another process listens there: choose another port with --grpc or --http (0 takes a free one)"
                : "";
            throw CommandFailure.Refused($"{exception.Message.TrimEnd('.')}{ports}", exception);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw CommandFailure.Refused($"{options.DataDirectory}: {exception.Message}", exception);
        }
    }

    private static async Task StopAsync(EmbeddedServer server)
    {
        try
        {
            await server.DisposeAsync().ConfigureAwait(false);
        }
        catch (ServerStopException exception)
        {
            throw CommandFailure.Refused(exception.Message, exception);
        }
    }

    /// <summary>Completes when a signal has asked for the end.</summary>
    public static async Task UntilStoppedAsync(CancellationToken cancellationToken)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using CancellationTokenRegistration registration = cancellationToken.Register(() => stopped.TrySetResult());
        await stopped.Task.ConfigureAwait(false);
    }

    /// <summary>A file that would grow past the limit on files (<c>ulimit -f</c>) is a failed write, after which reads go on; without a handler the system would end the process.</summary>
    private static PosixSignalRegistration? SurviveFileSizeLimit()
    {
        const PosixSignal FileSizeExceeded = (PosixSignal)25; // SIGXFSZ, on Linux and macOS alike.
        return OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create(FileSizeExceeded, static signal => signal.Cancel = true);
    }

    /// <summary>Null when the option is not given. Less than a slab of rows is no budget but a slip of the unit.</summary>
    private static long? BytesOf(string option, string? text) => text is null
        ? null
        : ByteSize.TryParse(text, out long bytes) && bytes >= (long)Limits.MemoryBudgetBytesMin
            ? bytes
            : throw CommandFailure.Usage($"{option} {text}: expected an amount of memory of at least {ByteSize.Text(Limits.MemoryBudgetBytesMin)}, as 4GB, 512MB, or bytes");

    /// <summary>Without the slash that a Uri adds, so that paths can be appended.</summary>
    public static string Address(Uri uri) => uri.GetLeftPart(UriPartial.Authority);

    public static Option<int> Port(string name, string what, int port) => new(name)
    {
        Description = $"Port of {what} on the loopback address; 0 takes a free one.",
        HelpName = "PORT",
        DefaultValueFactory = _ => port,
    };

    public static int RequirePort(string option, int port) =>
        port is >= 0 and <= ushort.MaxValue ? port : throw CommandFailure.Usage($"{option} {port}: expected a port, 0 to {ushort.MaxValue}");
}
