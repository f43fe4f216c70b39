// A chat completion by Java's own HTTP client as it comes, which offers h2c with every plain request.
// Arguments: URL, key, body. Prints the status and the HTTP version of the answer to two requests over one connection.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class ChatByHttpClient {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0]))
            .header("authorization", "Bearer " + arguments[1])
            .header("content-type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(arguments[2]))
            .build();
        for (int number = 0; number < 2; number++) {
            HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
            System.out.println(answer.statusCode() + " " + answer.version() + " " + answer.body().replace("\n", " "));
        }
    }
}
