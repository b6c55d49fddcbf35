using OrleansFeatures.Server.Tests.EndToEnd;

namespace OrleansFeatures.Server.Tests.Clients;

/// <summary>Feast's protocol, spoken by gRPC and HTTP clients that this project did not write, with Feast's own protos, to a server of its own process.</summary>
public sealed class ForeignFeastTests : IDisposable
{
    private readonly TempDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Python_speaks_Feasts_protocol_to_the_server()
    {
        ClientProgram.SkipWithoutPython();
        KeyValuePair<string, string> modules = await ClientProgram.GeneratePythonAsync("feast", _directory.File("modules"));
        await using StoreProcess store = await StoreProcess.StartAsync(_directory.File("data"));
        ClientRun run = await ClientProgram.RunAsync(ClientProgram.Python, [ClientProgram.Foreign("feast_client.py"), Address(store), store.Http], modules);
        run.Lines.ShouldBe(
            [
                "ok push_and_read_over_http", "ok request_data_among_the_entities", "ok a_failure_names_the_class_to_raise", "ok healthy", "ok info", "ok push_and_read_over_grpc",
                "ok a_service_over_two_entities", "ok an_unknown_view_is_not_found",
            ],
            run.ToString());
    }

    [Fact]
    public async Task Node_speaks_Feasts_protocol_to_the_server()
    {
        ClientProgram.SkipWithoutNode("tests/clients");
        await using StoreProcess store = await StoreProcess.StartAsync(_directory.File("data"));
        ClientRun run = await ClientProgram.RunAsync("node", [ClientProgram.Foreign("feast_client.mjs"), Address(store), store.Http, ClientProgram.Protos]);
        run.Lines.ShouldBe(["ok pushAndReadOverGrpc", "ok info", "ok aNameTwiceIsRefused", "ok pushAndReadOverHttp", "ok anUnknownPushSourceIsNamed"], run.ToString());
    }

    private static string Address(StoreProcess store) => new Uri(store.Grpc).Authority;
}
