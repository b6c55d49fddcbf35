using System.CommandLine;
using System.Diagnostics;
using System.Text.Json.Nodes;
using OrleansFeatures.Server.Demo;
using OrleansFeatures.Server.Hosting;
using OrleansFeatures.Server.Output;
using Spectre.Console;

namespace OrleansFeatures.Server.Commands;

/// <summary><c>demo</c>: simulated card fraud, streamed into a real store on a temporary directory.</summary>
internal static class DemoCommand
{
    private static readonly TimeSpan RateWindow = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(250);

    private static readonly Option<int> Seconds = Number("--seconds", "How long to stream.", 30);
    private static readonly Option<int> Rate = Number("--rate", "Events per second.", 20_000);
    private static readonly Option<int> Seed = Number("--seed", "Seed of the simulation: the same seed, the same transactions.", 42);
    private static readonly Option<int> Customers = Number("--customers", "Simulated customers.", 5_000);
    private static readonly Option<int> Terminals = Number("--terminals", "Simulated terminals.", 10_000);
    private static readonly Option<bool> Keep = new("--keep") { Description = "Go on serving afterwards, until Ctrl-C." };
    private static readonly Option<int> Grpc = ServeCommand.Port("--grpc", "gRPC", 0);
    private static readonly Option<int> Http = ServeCommand.Port("--http", "REST", 0);

    public static Command Create() => CommandOptions.Command(
        "demo",
        "Stream simulated card transactions, some of them fraudulent, into a store on a temporary directory, and watch its features move.",
        ["demo", "demo --seconds 10 --rate 50000", "demo --keep --grpc 6565 --http 6580"],
        [Seconds, Rate, Seed, Customers, Terminals, Keep, Grpc, Http],
        RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        TimeSpan duration = TimeSpan.FromSeconds(Positive(parsed, Seconds, Limits.DemoSecondsMax));
        int rate = Positive(parsed, Rate, Limits.DemoRateMax);
        ulong seed = (ulong)parsed.GetValue(Seed);
        var simulation = new FraudSimulation(seed, Positive(parsed, Customers, Limits.DemoPlayersMax), Positive(parsed, Terminals, Limits.DemoPlayersMax));
        string definitions = Path.Combine(AppContext.BaseDirectory, "definitions", "fraud");
        DirectoryInfo data = Directory.CreateTempSubdirectory("orleans-features-demo-");
        try
        {
            var options = new ServeOptions(data.FullName, definitions, ServeCommand.RequirePort("--grpc", parsed.GetValue(Grpc)), ServeCommand.RequirePort("--http", parsed.GetValue(Http)));
            await using EmbeddedServer server = await ServeCommand.StartAsync(options, cancellationToken).ConfigureAwait(false);
            var figures = new DemoFigures();
            var traffic = new DemoTraffic(ServeCommand.Address(server.GrpcAddress), simulation, seed, rate, figures);
            var clock = Stopwatch.StartNew();
            await ShowAsync(terminal, traffic.RunAsync(duration, cancellationToken), figures, clock, duration).ConfigureAwait(false);
            bool keep = parsed.GetValue(Keep) && !cancellationToken.IsCancellationRequested;
            Summarize(terminal, figures.Snapshot(), clock.Elapsed, seed, server, keep, simulation);
            if (keep)
            {
                await ServeCommand.UntilStoppedAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            data.Delete(recursive: true);
        }

        return ExitCode.Ok;
    }

    private static async Task ShowAsync(Terminal terminal, Task traffic, DemoFigures figures, Stopwatch clock, TimeSpan duration)
    {
        var rate = new RollingRate(RateWindow);
        bool draws = !terminal.Json && !Console.IsOutputRedirected && terminal.Result.Profile.Capabilities.Ansi;
        if (!draws)
        {
            while (await Task.WhenAny(traffic, Task.Delay(RateWindow)).ConfigureAwait(false) != traffic)
            {
                DemoSnapshot now = figures.Snapshot();
                Say(terminal, DemoScreen.Line(now, rate.Update(now.Events, clock.Elapsed), clock.Elapsed));
            }
        }
        else
        {
            DemoSnapshot start = figures.Snapshot();
            await terminal.Result.Live(DemoScreen.Draw(start, 0, TimeSpan.Zero, duration)).StartAsync(async live =>
            {
                do
                {
                    DemoSnapshot now = figures.Snapshot();
                    live.UpdateTarget(DemoScreen.Draw(now, rate.Update(now.Events, clock.Elapsed), clock.Elapsed, duration));
                }
                while (await Task.WhenAny(traffic, Task.Delay(Redraw)).ConfigureAwait(false) != traffic);
            }).ConfigureAwait(false);
        }

        await traffic.ConfigureAwait(false);
    }

    /// <summary>With <c>--output json</c>, standard output is kept for the one document at the end.</summary>
    private static void Say(Terminal terminal, string line)
    {
        if (terminal.Json)
        {
            Terminal.Remark(line);
        }
        else
        {
            terminal.Write(line);
        }
    }

    private static void Summarize(Terminal terminal, DemoSnapshot end, TimeSpan elapsed, ulong seed, EmbeddedServer server, bool keep, FraudSimulation simulation)
    {
        if (terminal.Json)
        {
            terminal.Write(Document(end, elapsed, seed));
            return;
        }

        terminal.Write("");
        terminal.Write($"{DemoScreen.Number(end.Events)} events in {elapsed.TotalSeconds:F1} s ({DemoScreen.Number(end.Events / elapsed.TotalSeconds)} events/s): {DemoScreen.Number(end.Accepted)} accepted, {DemoScreen.Number(end.Duplicates)} duplicates, {DemoScreen.Number(end.Others)} late or refused; seed {seed}");
        terminal.Write($"push to readable: p50 {DemoScreen.Duration(end.Freshness.P50)}, p99.9 {DemoScreen.Duration(end.Freshness.P999)} ({DemoScreen.Number(end.Freshness.Count)} probes); lookups: p50 {DemoScreen.Duration(end.Lookup.P50)}, p99 {DemoScreen.Duration(end.Lookup.P99)} ({DemoScreen.Number(end.Lookup.Count)} lookups); the first {DemoTraffic.WarmUp(elapsed).TotalSeconds:F1} s are not counted");
        terminal.Write("");
        terminal.Write(keep ? "The store goes on serving until Ctrl-C. Ask it:" : "With --keep the store goes on serving; then ask it (ports change from run to run unless --grpc and --http are given):");
        (int customer, int terminalId) = end.Customers.Count > 0 ? (end.Customers[0].Customer, end.Customers[0].Terminal) : (simulation.Busiest(1).FirstOrDefault(), 0);
        foreach (string line in HowToAsk(ServeCommand.Address(server.GrpcAddress), ServeCommand.Address(server.HttpAddress), customer, terminalId))
        {
            terminal.Write("  " + line);
        }
    }

    private static IEnumerable<string> HowToAsk(string grpc, string http, int customer, int terminal)
    {
        string keys = $$"""[{"field":"customer_id","int64s":["{{customer}}"]},{"field":"terminal_id","int64s":["{{terminal}}"]}]""";
        yield return $"{ProgramPath()} get --server {grpc} --service fraud --entity customer={customer} --entity terminal={terminal} --as-of stream";
        yield return $"curl '{http}/features/v1/customer/{customer}?as_of=stream'";
        yield return $$"""buf curl --schema protos --protocol grpc --http2-prior-knowledge -d '{"what":{"featureService":"fraud"},"keys":{{keys}},"asOfStreamTime":true}' {{grpc}}/orleansfeatures.v1.FeatureService/GetFeatures""";
    }

    /// <summary>This program as one types it here: by its path, for it is seldom installed when the demo is run.</summary>
    private static string ProgramPath()
    {
        string? path = Environment.ProcessPath;
        string below = path is null ? ".." : Path.GetRelativePath(Directory.GetCurrentDirectory(), path);
        return Path.GetFileNameWithoutExtension(path) == "orleans-features" && !below.StartsWith("..", StringComparison.Ordinal) ? below : "orleans-features";
    }

    private static JsonObject Document(DemoSnapshot end, TimeSpan elapsed, ulong seed) => new()
    {
        ["events"] = end.Events,
        ["accepted"] = end.Accepted,
        ["duplicates"] = end.Duplicates,
        ["seconds"] = Math.Round(elapsed.TotalSeconds, 3),
        ["events_per_second"] = Math.Round(end.Events / elapsed.TotalSeconds),
        ["seed"] = seed,
        ["freshness_ms"] = Document(end.Freshness),
        ["lookup_ms"] = Document(end.Lookup),
    };

    private static JsonObject Document(Percentiles percentiles) => new()
    {
        ["count"] = percentiles.Count,
        ["p50"] = percentiles.P50.TotalMilliseconds,
        ["p99"] = percentiles.P99.TotalMilliseconds,
        ["p99.9"] = percentiles.P999.TotalMilliseconds,
    };

    private static int Positive(ParseResult parsed, Option<int> option, int max)
    {
        int value = parsed.GetValue(option);
        return value >= 1 && value <= max ? value : throw CommandFailure.Usage($"{option.Name} {value}: expected 1 to {max}");
    }

    private static Option<int> Number(string name, string description, int usual) =>
        new(name) { Description = description, HelpName = "N", DefaultValueFactory = _ => usual };
}
