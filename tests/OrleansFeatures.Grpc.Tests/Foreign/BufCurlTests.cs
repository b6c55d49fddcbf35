using System.Text.Json;
using Grpc.Tests.Kit;

namespace Grpc.Tests.Foreign;

/// <summary>`buf curl`, whose client is connect-go on Go's HTTP/2: success and errors of each shape.</summary>
public class BufCurlTests
{
    [Fact]
    public async Task Unary()
    {
        var (exitCode, output, errors) = await CurlAsync("UnaryCall", """{"responseSize": 3}""");
        exitCode.ShouldBe(0, errors);
        JsonDocument.Parse(output).RootElement.GetProperty("payload").GetProperty("body").GetString().ShouldBe("AAAA");
    }

    [Fact]
    public async Task Server_streaming()
    {
        var (exitCode, output, errors) = await CurlAsync("StreamingOutputCall", """{"responseParameters": [{"size": 1}, {"size": 2}, {"size": 300}]}""");
        exitCode.ShouldBe(0, errors);
        output.Split("\"body\"").Length.ShouldBe(4, output);
    }

    [Fact]
    public async Task Client_streaming()
    {
        var (exitCode, output, errors) = await CurlAsync("StreamingInputCall", """{"payload": {"body": "AAAA"}} {"payload": {"body": "AAAAAAAA"}}""");
        exitCode.ShouldBe(0, errors);
        JsonDocument.Parse(output).RootElement.GetProperty("aggregatedPayloadSize").GetInt32().ShouldBe(9);
    }

    [Fact]
    public async Task Duplex()
    {
        var (exitCode, output, errors) = await CurlAsync("FullDuplexCall", """{"responseParameters": [{"size": 1}]} {"responseParameters": [{"size": 2}]}""");
        exitCode.ShouldBe(0, errors);
        output.Split("\"body\"").Length.ShouldBe(3, output);
    }

    [Theory]
    [InlineData("UnaryCall", """{"responseStatus": {"code": 9, "message": "not ö now"}}""", "failed_precondition", "not ö now")]
    [InlineData("FullDuplexCall", """{"responseStatus": {"code": 7, "message": "no"}}""", "permission_denied", "no")]
    [InlineData("UnimplementedCall", "{}", "unimplemented", null)]
    public async Task Errors_carry_code_and_message(string method, string request, string code, string? message)
    {
        var (exitCode, output, errors) = await CurlAsync(method, request);
        exitCode.ShouldNotBe(0, output);
        JsonElement error = JsonDocument.Parse(errors).RootElement;
        error.GetProperty("code").GetString().ShouldBe(code);
        if (message is not null)
        {
            // For a method that is not there buf prints the code alone.
            error.GetProperty("message").GetString()!.ShouldContain(message);
        }
    }

    private static async Task<(int ExitCode, string Output, string Errors)> CurlAsync(string method, string request)
    {
        Assert.SkipWhen(ForeignProgram.Buf is null, "buf is not installed: run 'npm ci --prefix tests/clients'.");
        await using var server = await InteropServer.StartAsync();
        return await ForeignProgram.RunAsync(
            ForeignProgram.Buf!, "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--schema", ForeignProgram.Protos, "--data", request, new Uri(server.Address, $"/grpc.testing.TestService/{method}").ToString());
    }
}
