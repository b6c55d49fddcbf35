using Grpc.Tests.Kit;
using Microsoft.AspNetCore.Builder;

namespace Grpc.Tests.Foreign;

/// <summary>
/// gRPC's public interoperability cases, by their names, of clients that we did not write against our server. A client program runs all its
/// cases once, one line each: <c>ok NAME</c>, <c>fail NAME REASON</c> or <c>skip NAME REASON</c> where its library has no way to do the case.
/// </summary>
public abstract class ForeignClientTests(ForeignClientTests.Run run)
{
    public static TheoryData<string> Cases =>
    [
        "empty_unary", "large_unary", "client_compressed_unary", "server_compressed_unary", "client_streaming", "client_compressed_streaming",
        "server_streaming", "server_compressed_streaming", "ping_pong", "empty_stream", "status_code_and_message", "special_status_message",
        "unimplemented_method", "unimplemented_service", "custom_metadata", "cancel_after_begin", "cancel_after_first_response",
        "timeout_on_sleeping_server",

        // Beyond the public list: what the store's own clients rely on.
        "concurrent_large_unary", "error_details_bin", "binary_metadata_of_all_lengths", "handler_throws", "message_over_the_limit",
        "deadline_of_sixty_days", "half_close_first", "status_before_half_close",
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Case(string name)
    {
        Dictionary<string, string> results = await run.ResultsAsync();
        string result = results.GetValueOrDefault(name, $"missing in: {run.Transcript}");
        Assert.SkipWhen(result.StartsWith("skip", StringComparison.Ordinal), result);
        result.ShouldBe("ok");
    }

    /// <summary>One run of a client program, shared by the cases.</summary>
    public abstract class Run
    {
        private readonly Lock _gate = new();
        private Task<Dictionary<string, string>>? _results;

        public string Transcript { get; private set; } = "";

        /// <summary>The results of the one run, or its failure, for each case.</summary>
        public Task<Dictionary<string, string>> ResultsAsync()
        {
            SkipIfAbsent();
            lock (_gate)
            {
                return _results ??= RunAsync();
            }
        }

        internal abstract void SkipIfAbsent();

        internal abstract Task<(int ExitCode, string Output, string Errors)> RunAsync(string host, int port);

        private async Task<Dictionary<string, string>> RunAsync()
        {
            await using var server = await InteropServer.StartAsync();
            var (exitCode, output, errors) = await RunAsync(server.Address.Host, server.Address.Port);
            Transcript = $"exit {exitCode}\n{output}\n{errors}";
            server.Errors.TryDequeue(out string? announced).ShouldBeTrue($"the case handler_throws makes the server log an error; {Transcript}");
            announced!.ShouldContain("Handler of /test.Probe/Throw failed");
            return output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line.Split(' ', 3))
                .Where(parts => parts.Length >= 2)
                .ToDictionary(parts => parts[1], parts => parts[0] == "ok" ? "ok" : $"{parts[0]}: {parts.ElementAtOrDefault(2)}");
        }
    }
}

/// <summary>grpc-js, on Node's own HTTP/2.</summary>
public sealed class GrpcJsClientTests(GrpcJsClientTests.GrpcJs run) : ForeignClientTests(run), IClassFixture<GrpcJsClientTests.GrpcJs>
{
    public sealed class GrpcJs : Run
    {
        internal override void SkipIfAbsent() => ForeignProgram.SkipWithoutNode();

        internal override Task<(int ExitCode, string Output, string Errors)> RunAsync(string host, int port) =>
            ForeignProgram.RunAsync("node", "interop.mjs", $"{host}:{port}", ForeignProgram.Protos);
    }
}

/// <summary>python3-grpcio, which is grpc's C core with its own HTTP/2.</summary>
public sealed class PythonClientTests(PythonClientTests.Python run) : ForeignClientTests(run), IClassFixture<PythonClientTests.Python>
{
    public sealed class Python : Run
    {
        internal override void SkipIfAbsent() => ForeignProgram.SkipWithoutPython();

        internal override Task<(int ExitCode, string Output, string Errors)> RunAsync(string host, int port) =>
            ForeignProgram.RunAsync(ForeignProgram.Python, "-u", "interop.py", $"{host}:{port}");
    }
}
