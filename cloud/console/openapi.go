package console

import (
	_ "embed"
	"net/http"
)

// openAPI is the description of the API (OpenAPI 3.1). Tests hold it to the route table and to
// live answers.
//
//go:embed openapi.json
var openAPI []byte

func (c *Console) getOpenAPI(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(openAPI) // what fails here is the caller's connection
	return nil
}
