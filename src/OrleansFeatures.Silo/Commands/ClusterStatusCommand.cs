using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using OrleansFeatures.Server;
using OrleansFeatures.Server.Commands;
using OrleansFeatures.Server.Output;
using Spectre.Console;

namespace OrleansFeatures.Silo.Commands;

/// <summary><c>status</c>: the cluster's silos, partitions and grains, as any one silo tells them.</summary>
internal static class ClusterStatusCommand
{
    private static readonly string[] Lists = ["silos", "partitions", "grains"];
    private static readonly string DefaultServer = $"http://127.0.0.1:{Server.Limits.DefaultHttpPort}";

    private static readonly Option<string> Address = new("--server") { Description = "Address of any silo's HTTP port.", HelpName = "URL", DefaultValueFactory = _ => DefaultServer };

    public static System.CommandLine.Command Create() => CommandOptions.Command(
        "status", "Show the cluster: its silos, where each partition is and how far it has come, and how many grains there are.",
        ["status", "status --server http://127.0.0.1:6581 --output json"], [Address], RunAsync);

    private static async Task<ExitCode> RunAsync(ParseResult parsed, Terminal terminal, CancellationToken cancellationToken)
    {
        string server = parsed.GetValue(Address)!;
        if (!Uri.TryCreate(server, UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https"))
        {
            throw CommandFailure.Usage($"--server {server}: expected a URL, for example {DefaultServer}");
        }

        using var client = new HttpClient { BaseAddress = address, Timeout = TimeSpan.FromSeconds(Server.Limits.CallTimeoutSeconds) };
        var document = new JsonObject();
        foreach (string list in Lists)
        {
            document[list] = await ListAsync(client, server, list, cancellationToken).ConfigureAwait(false);
        }

        if (terminal.Json)
        {
            terminal.Write(document);
        }
        else
        {
            PrintSilos(terminal, document["silos"]!.AsArray());
            PrintPartitions(terminal, document["partitions"]!.AsArray());
            PrintGrains(terminal, document["grains"]!.AsArray());
        }

        return ExitCode.Ok;
    }

    private static async Task<JsonNode> ListAsync(HttpClient client, string server, string list, CancellationToken cancellationToken)
    {
        try
        {
            using HttpResponseMessage answer = await client.GetAsync(new Uri($"/cluster/v1/{list}", UriKind.Relative), cancellationToken).ConfigureAwait(false);
            string text = await answer.Content.ReadAsStringAsync(cancellationToken).ConfigureAwait(false);
            return !answer.IsSuccessStatusCode
                ? throw CommandFailure.Refused($"{server}: {text.Trim()} ({(int)answer.StatusCode}); is it the HTTP port of a silo?")
                : (JsonNode.Parse(text) as JsonObject)?[list]?.DeepClone() ?? throw CommandFailure.Refused($"{server}: no list of {list} in its answer; is it a silo of this version?");
        }
        catch (Exception exception) when (exception is HttpRequestException or JsonException || (exception is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw CommandFailure.Unreachable($"{server}: no answer ({exception.Message}); give the address of a silo's HTTP port with --server", exception);
        }
    }

    private static void PrintSilos(Terminal terminal, JsonArray silos)
    {
        Table table = Terminal.NewTable("silo", "status", "build", "partitions", "lag", "entities", "awake", "memory", "grpc", "http", "");
        foreach (JsonNode? silo in silos)
        {
            string remark = silo!["answers"]!.GetValue<bool>() ? TextOf(silo["not_ready_because"]) : "does not answer";
            string memory = silo["memory_bytes"] is { } bytes ? ByteSize.Text((ulong)bytes.GetValue<long>()) : "";
            table.AddRow([.. new[] { TextOf(silo["silo"]), TextOf(silo["status"]), TextOf(silo["build"]), TextOf(silo["partitions"]), TextOf(silo["lag"]), TextOf(silo["entities"]), TextOf(silo["awake"]), memory, TextOf(silo["grpc"]), TextOf(silo["http"]), remark }
                .Select(text => Terminal.Cell(text))]);
        }

        terminal.Write(table);
    }

    private static void PrintPartitions(Terminal terminal, JsonArray partitions)
    {
        Table table = Terminal.NewTable("partition", "silo", "epoch", "durable", "applied", "lag", "checkpoint age", "entities", "awake", "");
        foreach (JsonNode? partition in partitions)
        {
            string remark = partition!["caught_up"]!.GetValue<bool>() ? "" : "catching up";
            string age = $"{partition["checkpoint_age_seconds"]!.GetValue<double>().ToString("0.0", CultureInfo.InvariantCulture)} s";
            table.AddRow([.. new[] { TextOf(partition["partition"]), TextOf(partition["silo"]), TextOf(partition["epoch"]), TextOf(partition["durable"]), TextOf(partition["applied"]), TextOf(partition["lag"]), age, TextOf(partition["entities"]), TextOf(partition["awake"]), remark }
                .Select(text => Terminal.Cell(text))]);
        }

        terminal.Write(table);
    }

    private static void PrintGrains(Terminal terminal, JsonArray grains)
    {
        Table table = Terminal.NewTable("grain type", "silo", "activations");
        foreach (JsonNode? grain in grains)
        {
            table.AddRow(Terminal.Cell(TextOf(grain!["type"])), Terminal.Cell(TextOf(grain["silo"])), Terminal.Cell(TextOf(grain["activations"])));
        }

        terminal.Write(table);
    }

    private static string TextOf(JsonNode? node) => node?.ToString() ?? "";
}
