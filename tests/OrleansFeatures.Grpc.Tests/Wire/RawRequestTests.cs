using System.IO.Compression;
using System.Net;
using Grpc.Core;
using Grpc.Tests.Kit;

namespace Grpc.Tests.Wire;

/// <summary>What the server says to requests that no gRPC client would make, and the exact shape of what it says.</summary>
public class RawRequestTests
{
    private const string Echo = "/test.Probe/Echo";
    private static readonly byte[] OneMessage = [0, 0, 0, 0, 3, 7, 8, 9];

    [Fact]
    public async Task An_answer_has_headers_message_and_status_in_the_trailers()
    {
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes());
        var answer = await Raw.PostAsync(server, Echo, OneMessage);

        answer.Http.ShouldBe(HttpStatusCode.OK);
        answer.ContentType.ShouldBe("application/grpc");
        answer.Body.ShouldBe(OneMessage);
        answer.Headers.ShouldNotContainKey("grpc-status");
        answer.Trailers["grpc-status"].ShouldBe("0");
    }

    [Fact]
    public async Task An_error_before_any_message_is_trailers_only()
    {
        await using var server = await TestServer.StartAsync(new Probe().OnUnary("Echo", (_, _) => throw new RpcException(new Status(StatusCode.NotFound, "häm"))));
        var answer = await Raw.PostAsync(server, Echo, OneMessage);

        answer.Http.ShouldBe(HttpStatusCode.OK);
        answer.Headers["grpc-status"].ShouldBe("5");
        answer.Headers["grpc-message"].ShouldBe("h%C3%A4m");
        answer.Trailers.ShouldBeEmpty();
        answer.Body.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("application/grpc")]
    [InlineData("application/grpc+proto")]
    [InlineData("application/grpc+json")]
    [InlineData("application/grpc;charset=utf-8")]
    [InlineData("APPLICATION/GRPC")]
    public async Task Content_types_of_grpc_are_served(string contentType)
    {
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes());
        (await Raw.PostAsync(server, Echo, OneMessage, contentType)).Status.ShouldBe(StatusCode.OK);
    }

    [Theory]
    [InlineData("application/grpc-web")]
    [InlineData("application/grpc-web+proto")]
    [InlineData("application/grpc-web-text")]
    [InlineData("application/json")]
    [InlineData("text/plain")]
    [InlineData(null)]
    public async Task Other_content_types_get_415(string? contentType)
    {
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes());
        (await Raw.PostAsync(server, Echo, OneMessage, contentType)).Http.ShouldBe(HttpStatusCode.UnsupportedMediaType);
        (await Raw.PostAsync(server, Echo, OneMessage)).Status.ShouldBe(StatusCode.OK);
    }

    [Fact]
    public async Task A_request_without_te_is_served_since_no_proxy_stands_before_the_store()
    {
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes());
        (await Raw.PostAsync(server, Echo, OneMessage, te: null)).Status.ShouldBe(StatusCode.OK);
    }

    [Theory]
    [InlineData("/test.Probe/NoSuchMethod")]
    [InlineData("/test.NoSuchService/Echo")]
    [InlineData("/test.Probe/echo")]
    public async Task An_unknown_method_or_service_is_unimplemented(string path)
    {
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes());
        var answer = await Raw.PostAsync(server, path, OneMessage);

        // A path that differs in case is another path by the specification; Kestrel's routing ignores case and serves it.
        if (path.EndsWith("/echo", StringComparison.Ordinal))
        {
            answer.Status.ShouldBe(StatusCode.OK);
            return;
        }

        answer.Http.ShouldBe(HttpStatusCode.OK);
        answer.Status.ShouldBe(StatusCode.Unimplemented);
        answer.Message.ShouldContain(path);
    }

    [Fact]
    public async Task Malformed_bodies_end_in_a_status_and_the_connection_goes_on()
    {
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes());
        (byte[] Body, StatusCode Status)[] malformed =
        [
            ([], StatusCode.Unimplemented),
            ([0], StatusCode.Internal),
            ([0, 0, 0, 0], StatusCode.Internal),
            ([0, 0, 0, 0, 5, 1, 2], StatusCode.Internal),
            ([2, 0, 0, 0, 0], StatusCode.Internal),
            ([1, 0, 0, 0, 1, 9], StatusCode.Internal),
            ([0, 0xFF, 0xFF, 0xFF, 0xFF], StatusCode.ResourceExhausted),
            ([.. OneMessage, .. OneMessage], StatusCode.Unimplemented),
            ([.. OneMessage, 0], StatusCode.Unimplemented),
        ];
        foreach (var (body, status) in malformed)
        {
            var answer = await Raw.PostAsync(server, Echo, body);
            answer.Http.ShouldBe(HttpStatusCode.OK);
            answer.Status.ShouldBe(status, Convert.ToHexString(body));
            answer.Message.ShouldNotBeNullOrEmpty();
        }

        (await Raw.PostAsync(server, Echo, OneMessage)).Body.ShouldBe(OneMessage);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("abc")]
    [InlineData("-1S")]
    [InlineData("123456789S")]
    [InlineData("5d")]
    public async Task A_timeout_that_is_none_is_refused_and_named(string timeout)
    {
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes());
        var answer = await Raw.PostAsync(server, Echo, OneMessage, headers: ("grpc-timeout", timeout));
        answer.Status.ShouldBe(StatusCode.Internal);
        answer.Message.ShouldContain(timeout);
    }

    [Theory]
    [InlineData("0n")]
    [InlineData("0H")]
    public async Task A_timeout_of_nothing_has_passed(string timeout)
    {
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes());
        (await Raw.PostAsync(server, Echo, OneMessage, headers: ("grpc-timeout", timeout))).Status.ShouldBe(StatusCode.DeadlineExceeded);
    }

    [Fact]
    public async Task A_bin_header_that_is_no_base64_is_refused_when_read()
    {
        await using var server = await TestServer.StartAsync(new Probe().OnUnary("Echo", (_, context) => Task.FromResult(context.RequestHeaders.GetValueBytes("x-bin") ?? [])));
        (await Raw.PostAsync(server, Echo, OneMessage, headers: ("x-bin", "!"))).Status.ShouldBe(StatusCode.Internal);
        (await Raw.PostAsync(server, Echo, OneMessage, headers: ("x-bin", "AQI"))).Body.ShouldBe([0, 0, 0, 0, 2, 1, 2]);
    }

    [Fact]
    public async Task An_encoding_that_is_not_known_is_unimplemented_and_the_known_ones_are_named()
    {
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes());
        var answer = await Raw.PostAsync(server, Echo, OneMessage, headers: ("grpc-encoding", "snappy"));
        answer.Status.ShouldBe(StatusCode.Unimplemented);
        answer.Headers["grpc-accept-encoding"].ShouldBe("identity,gzip,deflate");
        (await Raw.PostAsync(server, Echo, OneMessage, headers: ("grpc-encoding", "identity"))).Status.ShouldBe(StatusCode.OK);
    }

    [Fact]
    public async Task Responses_are_compressed_only_for_clients_that_accept_it()
    {
        await using var server = await TestServer.StartAsync(new Probe().WithEchoes(), options => options.ResponseCompressionAlgorithm = "gzip");
        (await Raw.PostAsync(server, Echo, OneMessage)).Body.ShouldBe(OneMessage);
        (await Raw.PostAsync(server, Echo, OneMessage, headers: ("grpc-accept-encoding", "deflate, br"))).Body.ShouldBe(OneMessage);

        var compressed = await Raw.PostAsync(server, Echo, OneMessage, headers: ("grpc-accept-encoding", "identity, gzip"));
        compressed.Headers["grpc-encoding"].ShouldBe("gzip");
        compressed.Body[0].ShouldBe((byte)1);
        using var inflate = new GZipStream(new MemoryStream(compressed.Body[5..]), CompressionMode.Decompress);
        using var inflated = new MemoryStream();
        await inflate.CopyToAsync(inflated, Wait.Token);
        inflated.ToArray().ShouldBe(OneMessage[5..]);
    }

    [Fact]
    public async Task Headers_that_grpc_cannot_send_back_are_not_shown_to_handlers()
    {
        var seen = Wait.Signal<Metadata>();
        await using var server = await TestServer.StartAsync(new Probe().OnUnary("Echo", (request, context) =>
        {
            seen.SetResult(context.RequestHeaders);
            foreach (var entry in context.RequestHeaders)
            {
                context.ResponseTrailers.Add(entry);
            }

            return Task.FromResult(request);
        }));

        (await Raw.PostAsync(server, Echo, OneMessage, headers: ("x-tab", "a\tb"))).Status.ShouldBe(StatusCode.OK);

        var metadata = await Wait.For(seen.Task);
        metadata.Get("x-tab").ShouldBeNull();
        metadata.Get("content-length").ShouldBeNull();
        metadata.Get("user-agent").ShouldBeNull("the raw client sends none");
    }
}
